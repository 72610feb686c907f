"""A prompt, like that of pdb, on the frames of a breakpoint."""

import bdb
import cmd
import code
import contextlib
import linecache
import pprint
import sys
import threading
from collections.abc import Sequence
from types import CodeType
from typing import IO, Any

# Callbacks may run in several threads; the prompt is for one of them at a time. One
# thread may come here again, from what is typed at the prompt.
_prompt = threading.RLock()

_LINES_AROUND = 5


class StackFrame:
    """A frame of the stack at a breakpoint.

    Attributes:
        namespace: its globals and locals, with values in the place of traced ones.
    """

    def __init__(self, code: CodeType, line: int, namespace: dict[str, Any]) -> None:
        self.code = code
        self.line = line
        self.namespace = namespace

    def __str__(self) -> str:
        source = linecache.getline(self.code.co_filename, self.line).strip()
        where = f"{self.code.co_filename}({self.line}){self.code.co_name}()"
        return f"{where}\n-> {source}" if source else where

    def listing(self) -> str:
        """The lines around, the current one marked."""
        lines = linecache.getlines(self.code.co_filename)
        first = max(self.line - _LINES_AROUND, 1)
        last = min(self.line + _LINES_AROUND, len(lines))
        return "".join(
            f"{number:4} {'->' if number == self.line else '  '} {lines[number - 1]}"
            for number in range(first, last + 1)
        )


class Debugger(cmd.Cmd):
    """Reads commands and obeys them until one of them is `continue` or `quit`.

    Args:
        stack: the frames, innermost first.
        stdin: where commands are read from; the terminal by default.
        stdout: where answers are written.
    """

    prompt = "(ddb) "

    def __init__(
        self,
        stack: Sequence[StackFrame],
        stdin: IO[str] | None = None,
        stdout: IO[str] | None = None,
    ) -> None:
        super().__init__(stdin=stdin, stdout=stdout or sys.stdout)
        self.use_rawinput = stdin is None
        self.stack = stack
        self.position = 0

    def run(self) -> None:
        """Prompt until the program may go on.

        Raises:
            BdbQuit: the user asked to quit.
        """
        with _prompt:
            self._say(f"> {self.stack[self.position]}")
            self.cmdloop()

    def _say(self, text: str) -> None:
        self.stdout.write(text if text.endswith("\n") else text + "\n")

    def _execute(self, source: str) -> None:
        interpreter = _Interpreter(self.stack[self.position].namespace, self.stdout)
        with contextlib.redirect_stdout(self.stdout):
            if interpreter.runsource(source, "<ddb>", "single"):
                self._say("*** SyntaxError: the statement is not complete")

    # ---- commands ------------------------------------------------------------------

    def default(self, line: str) -> None:
        """Run any other line as Python in the current frame."""
        self._execute(line.removeprefix("!"))

    def emptyline(self) -> bool:
        """Do nothing."""
        return False

    def do_p(self, arg: str) -> None:
        """P expression: print the value of an expression."""
        self._execute(f"print(repr(({arg})))")

    def do_pp(self, arg: str) -> None:
        """Pp expression: pretty-print the value of an expression."""
        namespace = self.stack[self.position].namespace
        namespace["__pprint__"] = pprint.pprint
        self._execute(f"__pprint__(({arg}))")
        del namespace["__pprint__"]

    def do_list(self, arg: str) -> None:
        """l(ist): show the lines around the current one."""
        self._say(self.stack[self.position].listing())

    def do_where(self, arg: str) -> None:
        """w(here), bt: show the stack, innermost frame last, > at the current one."""
        for index in reversed(range(len(self.stack))):
            mark = ">" if index == self.position else " "
            self._say(f"{mark} {self.stack[index]}")

    def do_up(self, arg: str) -> None:
        """u(p): go to the frame that called this one."""
        self._move(1, "Oldest frame")

    def do_down(self, arg: str) -> None:
        """d(own): go back to the frame that this one called."""
        self._move(-1, "Newest frame")

    def _move(self, step: int, end: str) -> None:
        if 0 <= self.position + step < len(self.stack):
            self.position += step
            self._say(f"> {self.stack[self.position]}")
        else:
            self._say(f"*** {end}")

    def do_continue(self, arg: str) -> bool:
        """c(ont(inue)): let the program go on."""
        return True

    def do_quit(self, arg: str) -> bool:
        """q(uit), exit: end the program with an error."""
        raise bdb.BdbQuit

    def do_EOF(self, arg: str) -> bool:
        """End of the input: let the program go on."""
        self._say("")
        return True

    do_l = do_list
    do_w = do_bt = do_where
    do_u = do_up
    do_d = do_down
    do_c = do_cont = do_continue
    do_q = do_exit = do_quit


class _Interpreter(code.InteractiveInterpreter):
    """Runs what is typed; an error is one line and no end of the program."""

    def __init__(self, namespace: dict[str, Any], stdout: IO[str]) -> None:
        super().__init__(namespace)
        self._stdout = stdout

    def write(self, data: str) -> None:
        self._stdout.write(data)

    def showtraceback(self) -> None:
        kind, error, _ = sys.exc_info()
        assert kind is not None
        self.write(f"*** {kind.__name__}: {error}\n")

    def showsyntaxerror(self, filename: str | None = None, **_: Any) -> None:
        self.showtraceback()
