"""Which delivery records change what is recorded: the rule that both stores share."""

from ....domain.errors import StoreError
from ....domain.incidents.notice import DELIVERY_TRANSITIONS, Delivery, DeliveryState


def changes(recorded: Delivery, delivery: Delivery) -> bool:
    """Whether `delivery` is to be written over `recorded`; False for an echo. Raises: StoreError for an illegal move.

    A batch is committed again when its outcome was in doubt, so what it says may have been overtaken within it: a
    delivered notice stays delivered, and an end that is recorded stays as it was first recorded.
    """
    if recorded.state is DeliveryState.DELIVERED and delivery.state is not DeliveryState.DEAD:
        return False
    if recorded.state is delivery.state is DeliveryState.DEAD:
        return False
    if delivery.state not in DELIVERY_TRANSITIONS[recorded.state]:
        raise StoreError(f"notice {delivery.key} cannot go from {recorded.state} to {delivery.state}")
    return recorded != delivery
