"""Natural guesses at verbs and options, and what stands in their place."""

import re
from pathlib import Path

import click

_VERBS = {
    "ack": "acknowledge acknowledged confirm",
    "unack": "unacknowledge unacknowledged",
    "silence": "mute snooze downtime maintenance inhibit",
    "unsilence": "unmute unsnooze expire",
    "announce": "post publish",
    "unannounce": "unpost unpublish",
    "pause": "disable suspend",
    "resume": "enable unpause continue",
    "status": "list ls ps targets health monitors services state",
    "top": "watch tail follow live",
    "show": "log logs history timeline describe inspect incident",
    "incidents": "alerts alarms problems outages",
    "notices": "notifications messages outbox",
    "run": "start serve server daemon up monitor",
    "reload": "restart apply hup",
    "check": "validate lint configtest verify-config",
    "config": "effective settings render",
    "diff": "compare plan",
    "heartbeat": "ping beat checkin check-in",
    "job": "exec wrap cron monitor-job",
    "probe": "get try curl diagnose",
    "redrive": "resend retry requeue",
    "backup": "dump export save",
    "simulate": "forecast",
    "replay": "backtest retest",
    "test-rules": "promtool test-rule rules",
    "token": "tokens login user users",
}
_INSTEAD = {
    word: f"write `watchkeeper {verb}`" for verb, words in _VERBS.items() for word in words.split()
} | {
    "stop": "Ctrl-C or SIGTERM ends `run`, and `watchkeeper status` names its process",
    "restore": "`watchkeeper backup --help` says how a copy is put back",
    "test": "`watchkeeper check` tests a configuration, `test-rules` its rules, `probe` a target and `notify` a channel",
    "help": "write `watchkeeper --help`, or `watchkeeper VERB --help`",
    "version": "write `watchkeeper --version`",
}
_ARGUMENTS = {
    "ack": "a note is --note TEXT",
    "silence": "it takes one target, or a glob such as 'shop*'; its length is --for 2h, its reason --reason TEXT",
    "incidents": "those of one target are --target NAME",
    "status": "`watchkeeper show TARGET` shows one target",
    "init": "an address to watch is --from URL",
}
_OPTIONS = {
    "config --target": "the target is an argument: watchkeeper config TARGET",
    "heartbeat --log": "a note that changes nothing is sent to /ping/KEY/log, as docs/how-to/cron.md shows",
    "heartbeat --run-id": "write --run",
    "heartbeat --rid": "write --run",
    "heartbeat --message": "write --detail",
    "heartbeat --status": "write --exit",
    "heartbeat --exit-status": "write --exit",
    "heartbeat --success": "a success needs no option",
    "heartbeat --ok": "a success needs no option",
    "run -c": "the configuration is an argument: watchkeeper run FILE",
    "check -c": "the configuration is an argument: watchkeeper check FILE",
    "run --json": "write --log json",
    "verify --store": "the store is an argument: watchkeeper verify STORE",
    "pause --all": "every target is '*'",
    "resume --all": "every target is '*'",
    "check-now --all": "every target is '*'",
    "pause --for": "a pause lasts until `resume`; `silence --for` holds notices back for a time",
    "silence --duration": "write --for",
    "silence --comment": "write --reason",
    "silence --note": "write --reason",
    "ack --comment": "write --note",
    "ack --message": "write --note",
    "ack -m": "write --note",
    "ack --reason": "write --note",
    "ack --duration": "write --for",
    "incidents -n": "write --limit",
    "notices -n": "write --limit",
    "notices --target": "`watchkeeper show TARGET` has the notices of an incident",
}
_LONG = {"--config": "-c"}


def verb_instead(word: str) -> str:
    """Returns what stands in place of a word that is no verb, empty where nothing is known."""
    return _INSTEAD.get(word.lower(), "")


def explained(error: click.UsageError) -> str:
    """Returns the message of a command line that means nothing, with what was probably meant."""
    said, verb = error.format_message(), error.ctx.command if error.ctx is not None else None
    if verb is None or verb.name is None:
        return said
    if isinstance(error, click.NoSuchOption):
        option = _LONG.get(error.option_name, error.option_name)
        hint = _OPTIONS.get(f"{verb.name} {option}")
        return f"there is no option {error.option_name}: {hint}" if hint else said
    extra = re.search(r"unexpected extra arguments? \((.*)\)", said)
    if extra is None:
        return said
    takes_option = any("-c" in one.opts for one in verb.params)
    if takes_option and Path(extra[1]).suffix in {".yaml", ".yml"}:
        return f"{said.rstrip('.')}: name a configuration with -c FILE."
    hint = _ARGUMENTS.get(verb.name)
    return f"{said.rstrip('.')}: {hint}" if hint else said
