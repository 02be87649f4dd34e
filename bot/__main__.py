"""The Procfile's `bot`: what is said in Slack. There is nothing to say yet, so it idles."""

from jobs.runtime import entry, run_file, waiting
from jobs.runtime.stopping import Stop
from models.config import Config


def main(config: Config, stop: Stop) -> None:
    """Wait for the stop."""
    run_file.withdraw(config.var, "slack_local")
    waiting.idle(stop, "Slack is not connected")


if __name__ == "__main__":
    entry.run("bot", main)
