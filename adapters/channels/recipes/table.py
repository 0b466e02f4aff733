"""The recipe of each kind of channel that speaks HTTP."""

from typing import assert_never

from ....domain.specification.channel import HttpChannel, Webhook
from ....domain.specification.chat_channels import Discord, Ntfy, Slack, Telegram
from ....domain.specification.paging_channels import Alertmanager, PagerDuty
from .alertmanager import AlertmanagerRecipe
from .discord import DiscordRecipe
from .ntfy import NtfyRecipe
from .pagerduty import PagerDutyRecipe
from .recipe import Recipe
from .slack import SlackBotRecipe, SlackHookRecipe
from .telegram import TelegramRecipe
from .webhook import WebhookRecipe


def recipe_of(spec: HttpChannel) -> Recipe:
    """Returns how notices are posted to a receiver."""
    match spec:
        case Webhook():
            return WebhookRecipe(spec)
        case Slack():
            return SlackHookRecipe(spec) if spec.token is None else SlackBotRecipe(spec)
        case Discord():
            return DiscordRecipe(spec)
        case Telegram():
            return TelegramRecipe(spec)
        case Ntfy():
            return NtfyRecipe(spec)
        case PagerDuty():
            return PagerDutyRecipe(spec)
        case Alertmanager():
            return AlertmanagerRecipe(spec)
        case _:
            assert_never(spec)
