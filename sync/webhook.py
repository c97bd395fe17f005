"""Tell a chat how a run ended: one POST of `{"text": ...}`, as Slack, Mattermost and Discord (`/slack`) take it.

The address is a secret: it is named nowhere, and a chat that does not answer changes nothing about the run.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from collections.abc import Mapping

SETTING = "CANON_REPORT_WEBHOOK"
SECONDS = 10

logger = logging.getLogger(__name__)


def tell(environment: Mapping[str, str], text: str) -> str | None:
    """Post `text` to the webhook in `CANON_REPORT_WEBHOOK`, if there is one; return what went wrong, or None."""
    url = environment.get(SETTING, "").strip()
    if not url:
        return None
    try:
        answer = httpx.post(url, json={"text": text}, timeout=SECONDS, follow_redirects=False)
        problem = "" if answer.is_success else f"it answered {answer.status_code}"
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:  # their words may hold the address
        problem = type(error).__name__
    if not problem:
        return None
    logger.warning("the report was not posted", extra={"fields": {"problem": problem}})
    return f"the report was not posted to {SETTING} ({problem}): check its address"
