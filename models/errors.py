"""Refusals: each carries a sentence that an operator can act on, and the ids that it is about.

Surfaces show `str(error)` as it is. Anything that is not one of these is a fault of ours.
"""

from models.words import Action


class CampaignError(Exception):
    """An act was refused; nothing was changed. `next_step` is what to offer instead, if a campaign's action is."""

    def __init__(self, sentence: str, *, campaign_id: int | None = None, next_step: Action | None = None) -> None:
        super().__init__(sentence)
        self.campaign_id = campaign_id
        self.next_step = next_step

    @property
    def in_public(self) -> str:
        """What a channel and the audit may hold of it."""
        return str(self)


class NotFoundError(CampaignError):
    """What was named does not exist, or no longer does."""


class NotAllowedError(CampaignError):
    """The person's role does not reach."""


class WrongStateError(CampaignError):
    """The campaign's state does not allow the act."""


class ChannelTakenError(WrongStateError):
    """Another campaign holds the channel."""

    def __init__(
        self, sentence: str, *, campaign_id: int | None, blocker_id: int | None, next_step: Action | None = None
    ) -> None:
        super().__init__(sentence, campaign_id=campaign_id, next_step=next_step)
        self.blocker_id = blocker_id


class InvalidInputError(CampaignError):
    """A value given is not acceptable; `field` names where it was typed."""

    def __init__(self, sentence: str, *, field: str = "", campaign_id: int | None = None) -> None:
        super().__init__(sentence, campaign_id=campaign_id)
        self.field = field


class FieldNameError(InvalidInputError):
    """The field name of a column can't be; `column` is the column's place, from 0."""

    def __init__(self, sentence: str, *, column: int) -> None:
        super().__init__(sentence, field="fields")
        self.column = column


class UnreadableFileError(InvalidInputError):
    """A contacts file that can't be read whole; nothing of it was stored."""


class NoSpaceError(CampaignError):
    """The disk has no room for what was asked; nothing was begun."""


class NotConfiguredError(CampaignError):
    """Something that the installation needs is missing or half set; names it."""


class AccountRefusedError(NotConfiguredError):
    """The provider refuses the account. The sentence may quote the provider, and so name somebody."""

    def __init__(self, sentence: str, *, in_public: str, campaign_id: int | None = None) -> None:
        super().__init__(sentence, campaign_id=campaign_id)
        self._in_public = in_public

    @property
    def in_public(self) -> str:
        """The sentence without the provider's own words."""
        return self._in_public
