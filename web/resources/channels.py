"""Channels: the notices that each has not taken, and a test of one."""

from ...domain.errors import UnknownName, UsageError
from ...domain.incidents.own_problems import channel_part
from ...domain.incidents.told import ChannelBacklog
from ...domain.line import listed
from ..problems import Refusal
from ..shapes.answers import Listed
from ..shapes.delivery_rows import ChannelRow, ChannelTestRow, channel_row, channel_test_row
from ..table import ApiCall


async def channels(call: ApiCall) -> Listed[ChannelRow]:
    operations = call.operations
    known = operations.configuration().channels
    backlogs = {channel.id: ChannelBacklog(channel.id) for channel in known} if operations.has_file else {}
    if operations.has_file:
        found = await operations.read(lambda reader: reader.backlogs())
        backlogs |= {backlog.channel: backlog for backlog in found}
    problems = dict((await operations.status()).problems)
    return Listed(
        items=[
            channel_row(channel, backlogs.get(channel.id), problems.get(channel_part(channel.id), ""))
            for channel in sorted(known, key=lambda channel: channel.id)
        ]
    )


async def test(call: ApiCall) -> ChannelTestRow:
    """Tests a channel. Raises: UnknownName; Refusal where no test can begin."""
    operations, name = call.operations, call.path["channel"]
    known = sorted(channel.id for channel in operations.configuration().channels)
    if name not in known:
        raise UnknownName(
            f"no channel has the id {name!r}: {f'there are {listed(known)}' if known else 'there is none'}"
        )
    try:
        return channel_test_row(await operations.verbs.aio.test_channel(name, by=call.author.name))
    except UsageError as error:
        if not operations.is_started:
            raise
        raise Refusal(409, str(error)) from None
