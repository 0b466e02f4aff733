"""Public pages in a configuration: what `check` refuses, and what it doubts."""

import pytest
from click.testing import CliRunner
from watchkeeper.launcher.main import cli

DOCUMENT = """\
web:
  listen: "127.0.0.1:8080"
  pages:
{pages}
channels: [{{id: ops, log: {{}}}}]
targets: [{{id: shop, heartbeat: {{}}, group: shop, notify: [ops]{public}}}]
"""


def checked(folder, *pages, public=", public: Shop"):
    file = folder / "watchkeeper.yaml"
    file.write_text(DOCUMENT.format(pages="\n".join(f"    - {page}" for page in pages), public=public))
    done = CliRunner().invoke(cli, ["check", str(file)])
    return done.exit_code, done.output


def test_a_page_that_shows_something_is_no_problem(tmp_path):
    status, says = checked(
        tmp_path, "{id: shop, title: The shop, match: [group=shop]}", "{id: all, title: All}"
    )
    assert (status, "pages" in says) == (0, False)


@pytest.mark.parametrize(
    ("page", "says"),
    [
        (
            "{id: shop, title: Again}",
            ":5:12: web.pages[1].id: the id of pages[0] stands here again: each page has its own",
        ),
        ("{id: a, title: A, match: [group]}", "web.pages[1].match[0]: 'group' is no matcher"),
        ('{id: a, title: A, match: ["group=~("]}', "web.pages[1].match[0]: the matcher"),
        (
            "{id: a, title: A, match: [severity=info]}",
            "'severity=info' chooses incidents: a page chooses targets",
        ),
        ("{id: a/b, title: A}", "web.pages[1].id: 'a/b' is no id"),
        ("{id: .., title: A}", "web.pages[1].id: '..' is no id"),
        ("{id: a}", "web.pages[1]: has no title"),
        ("{id: a, title: A, targets: [shop]}", "web.pages[1].targets: unknown key"),
    ],
)
def test_a_page_that_makes_no_sense_is_refused_at_its_place(tmp_path, page, says):
    status, output = checked(tmp_path, "{id: shop, title: The shop}", page)
    assert status == 2
    assert says in output


def test_a_page_that_shows_nothing_is_doubted(tmp_path):
    says = "web.pages[0]: the page 'shop' shows nothing: no target that it matches has `public`"
    assert says in checked(tmp_path, "{id: shop, title: The shop, match: [group=mail]}")[1]
    status, output = checked(tmp_path, "{id: shop, title: The shop}", public="")
    assert (status, says in output) == (0, True)
