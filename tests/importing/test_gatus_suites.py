"""Suites of Gatus: each becomes one target of several requests that pass values on."""

from bringing import brought, target_of

SUITE = """
suites:
  - name: items
    group: api
    context: {price: "19.99", host: api.example}
    endpoints:
      - name: create
        url: "https://[CONTEXT].host/items"
        method: POST
        body: '{"price": "[CONTEXT].price"}'
        headers: {X-Key: "${KEY}"}
        conditions: ["[STATUS] == 201", "[BODY].price == [CONTEXT].price"]
        store: {item-id: "[BODY].id", user: "[BODY].user"}
        alerts: [{type: slack, description: no item}]
      - name: get
        url: "https://api.example/items/[CONTEXT].item-id?by=[CONTEXT].user.name"
        conditions: ["[STATUS] == 200"]
      - name: get
        url: "https://api.example/items/[CONTEXT].item-id"
        method: DELETE
        always-run: true
        conditions: ["[STATUS] == 204"]
"""


def test_a_suite_becomes_one_target_whose_steps_pass_values_on():
    target = target_of("gatus", SUITE)
    assert (target.id, target.every, target.timeout, target.notify) == ("api.items", "10m", "5m", ("slack",))
    create, get, delete = target.http_steps.steps
    assert (create.url, create.body) == ("https://api.example/items", '{"price": "19.99"}')
    assert create.expect == ("[STATUS] == 201", "[BODY].price == 19.99")
    assert dict(create.capture) == {
        "item_id": "[BODY].id",
        "user": "[BODY].user",
        "user_name": "[BODY].user.name",
    }
    assert get.url == "https://api.example/items/{{item_id}}?by={{user_name}}"
    assert [(each.id, each.always) for each in (create, get, delete)] == [
        ("create", False),
        ("get", False),
        ("get-2", True),
    ]


def test_a_condition_on_an_earlier_answer_is_listed():
    text = SUITE.replace('conditions: ["[STATUS] == 204"]', 'conditions: ["[BODY].id == [CONTEXT].item-id"]')
    made, whole = brought("gatus", text)
    assert [(note.key, note.reason) for note in made.notes] == [
        ("suites[0].endpoints[2].conditions[0]", "a condition compares with no value of an earlier answer")
    ]
    assert whole.targets[0].http_steps.steps[2].expect == ()


def test_a_suite_with_a_step_that_is_no_request_is_listed():
    made, whole = brought("gatus", SUITE.replace("https://[CONTEXT].host/items", "tcp://db.example:1"))
    assert not whole.targets
    assert [note.key for note in made.notes] == ["suites[0]"]
    assert "create is no request of HTTP" in made.notes[0].reason


def test_a_reference_to_nothing_is_listed():
    made, _ = brought("gatus", SUITE.replace('[CONTEXT].price"}', '[CONTEXT].cost"}'))
    assert "no step before stores [CONTEXT].cost" in {note.reason for note in made.notes}
