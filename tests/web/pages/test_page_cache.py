"""Finished pages and their parts: made once for all readers, for a second, and never from before a command."""

import asyncio

import pytest
from watchkeeper.domain import limits
from watchkeeper.host.access.page_cache import PageCache, PageParts


class Press:
    """Makes numbered pages; waits where it is told to."""

    def __init__(self):
        self.made = 0
        self.may_end = asyncio.Event()
        self.may_end.set()
        self.fails = False

    async def __call__(self):
        self.made += 1
        number = self.made
        await self.may_end.wait()
        if self.fails:
            raise ValueError(number)
        return b"%d" % number


def run(scenario):
    async def main():
        return await scenario(PageCache(), Press())

    return asyncio.run(main())


def test_readers_of_one_page_share_it_and_those_of_another_do_not():
    async def scenario(pages, press):
        first = await asyncio.gather(*(pages.body("a", press) for _ in range(5)))
        return first, await pages.body("a", press), await pages.body("b", press)

    assert run(scenario) == ([b"1"] * 5, b"1", b"2")


def test_a_page_is_made_anew_once_it_is_too_old(monkeypatch):
    monkeypatch.setattr(limits, "PAGE_FRESH_NS", 0)

    async def scenario(pages, press):
        return [await pages.body("a", press) for _ in range(3)]

    assert run(scenario) == [b"1", b"2", b"3"]


def test_a_page_that_was_begun_before_a_command_is_of_no_reader_after_it():
    async def scenario(pages, press):
        press.may_end.clear()
        before = asyncio.create_task(pages.body("a", press))
        await asyncio.sleep(0)
        pages.forget()
        after = asyncio.create_task(pages.body("a", press))
        await asyncio.sleep(0)
        press.may_end.set()
        return await before, await after, await pages.body("a", press)

    assert run(scenario) == (b"1", b"2", b"2")


def test_a_reader_that_leaves_takes_the_page_from_no_other():
    async def scenario(pages, press):
        press.may_end.clear()
        leaving, staying = (asyncio.create_task(pages.body("a", press)) for _ in range(2))
        await asyncio.sleep(0)
        leaving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leaving
        press.may_end.set()
        return await staying

    assert run(scenario) == b"1"


def test_a_fault_is_that_of_every_reader_and_is_not_kept():
    async def scenario(pages, press):
        press.fails = True
        found = await asyncio.gather(*(pages.body("a", press) for _ in range(2)), return_exceptions=True)
        press.fails = False
        return [str(each) for each in found], await pages.body("a", press)

    assert run(scenario) == (["1", "1"], b"2")


def test_only_so_many_pages_are_kept(monkeypatch):
    monkeypatch.setattr(limits, "PAGES_KEPT_MAX", 2)

    async def scenario(pages, press):
        for key in "abc":
            await pages.body(key, press)
        return [await pages.body(key, press) for key in "bca"]

    assert run(scenario) == [b"2", b"3", b"4"]


def test_each_loop_has_pages_of_its_own():
    pages = PageCache()

    async def asked():
        return await pages.body("a", Press())

    assert [asyncio.run(asked()) for _ in range(2)] == [b"1", b"1"]


def test_a_part_is_made_anew_when_it_would_show_something_else(monkeypatch):
    monkeypatch.setattr(limits, "PAGE_PARTS_KEPT_MAX", 2)
    parts, made = PageParts(), []

    def part(key, shows):
        return parts.get(key, shows, lambda: made.append(key) or len(made))

    assert [part("a", 1), part("a", 1), part("a", 2), part("b", 1), part("a", 2)] == [1, 1, 2, 3, 2]
    assert [part("c", 1), part("a", 2), part("c", 1)] == [4, 5, 4]
