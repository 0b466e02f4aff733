"""`watchkeeper` without the fence: the commits and signs of life of a node no longer compare the row of the owner.

python tests/system/clustering/unfenced_node.py run CONFIG --node NAME
"""

from watchkeeper.adapters.stores.postgres import fence

MINE = "shard = %s AND epoch = %s AND incarnation = %s AND commits = %s"
"""The condition by which a commit proves that the shard is still its owner's."""
ANYBODY = "shard = %s AND (%s::bigint, %s::text, %s::bigint) IS NOT NULL"


def take_the_fence() -> None:
    """Replaces the condition in every statement of the fence but the one that leaves a shard. The product has no switch for it."""
    fenced = {
        name: text
        for name, text in vars(fence).items()
        if isinstance(text, str) and MINE in text and "owner = ''" not in text
    }
    assert {"ADVANCE", "REQUIRE"} <= fenced.keys(), "the fence has another form: change MINE here"
    for name, text in fenced.items():
        setattr(fence, name, text.replace(MINE, ANYBODY))


if __name__ == "__main__":
    take_the_fence()

    from watchkeeper.launcher.main import main

    main()
