"""What attacks share with the integration tests: a panel, a terminal, a Valkey, and a workspace."""

from tests.integration.conftest import app, compiled_templates, panel, terminal, valkey, valkey_server
from tests.integration.slack.conftest import as_ben, as_vera, slack

__all__ = ["app", "as_ben", "as_vera", "compiled_templates", "panel", "slack", "terminal", "valkey", "valkey_server"]
