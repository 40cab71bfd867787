"""``wirespeak completion SHELL``: the script by which a shell completes this command's words."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

__all__ = ["command"]


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print the completion script of a SHELL.

    For bash, add to ~/.bashrc: eval "$(wirespeak completion bash)"
    """
    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(ctx.find_root().command, {}, "wirespeak", "_WIRESPEAK_COMPLETE").source())
