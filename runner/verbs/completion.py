"""`completion`: the script by which a shell completes the verbs, options and names of tenantry."""

import click
from click.shell_completion import get_completion_class

from tenantry.model.events import LinePrinted
from tenantry.verbs.verb import Events, Request, Verb

_HELP = """Print the script that completes verbs, options and the names of tenants in a shell.

\b
  eval "$(tenantry completion bash)"     # in ~/.bashrc
  eval "$(tenantry completion zsh)"      # in ~/.zshrc
  tenantry completion fish | source      # in ~/.config/fish/config.fish

\b
  tenantry completion bash
"""

_SHELLS = ("bash", "zsh", "fish")


def start(shell: str) -> Events:
    """Report the script of a shell."""
    found = get_completion_class(shell)
    if found is None:
        message = f"{shell}: click has no completion for it"
        raise ValueError(message)
    # The script alone: which commands there are is asked when something is completed.
    script = found(click.Command("tenantry"), {}, "tenantry", "_TENANTRY_COMPLETE").source()
    yield LinePrinted(script.strip("\n"))


def _start(request: Request) -> Events:
    return start(request.options["shell"])


VERB = Verb(_HELP, (click.Argument(["shell"], type=click.Choice(_SHELLS)),), _start, formats=("table",))
