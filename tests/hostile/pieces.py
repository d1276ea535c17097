"""Texts that try to break out of what they stand in, and ways to put them together."""

from hypothesis import strategies as st

SHELL = (
    "$(touch pwned)", "`touch pwned`", "; touch pwned", "& touch pwned #", "| touch pwned",
    "\ntouch pwned\n", "\r\ntouch pwned", "' ; touch pwned '", '" ; touch pwned "', "${IFS}",
    "$HOME", "\\", "\\'", "*", "~", "-rf", "--privileged", "!!", "\0", "> pwned", "$((1+1))", "\t",
)  # fmt: skip
PATHS = ("..", "../../etc/cron.d/x", "/etc/passwd", "a/../../b", "./x", "//", "a/", "~/x", "C:\\x")
YAML = (
    ": x", "- x", "#x", "{a: b}", "[a]", "&a", "*a", "\ufeff", "%YAML 1.1", "---\n", "null", "0x1",
    "!!python/object/apply:os.system [touch pwned]", "\n    privileged: true", "1e3", "yes",
    "\n  evil:\n    image: x", "'", '"', "\u2028privileged: true", "\x85x: y",
)  # fmt: skip
JINJA = (
    "{{ 7 * 7 }}", "{% for x in range(9) %}x{% endfor %}", "{{ cycler.__init__.__globals__ }}",
    "{# ", "{{", "%}", "{release}", "{workers}", "{service}", "{0.__class__}", "${A:-b}", "$$",
)  # fmt: skip
DOCKERFILE = (
    "\nUSER root", "\nRUN touch pwned", " AS x", "@sha256:0", ":latest", "# syntax=evil/x",
)  # fmt: skip
PIECES = (*SHELL, *PATHS, *YAML, *JINJA, *DOCKERFILE)

_PIECE = st.sampled_from(PIECES)
_PLAIN = st.sampled_from(("a", "/a", "risk", "store", "redis:8.0", "127.0.0.1", "80", "/"))
HOSTILE = st.one_of(
    _PIECE,
    st.lists(_PIECE | _PLAIN, max_size=4).map("".join),
    st.text(max_size=20),
    st.builds(str.__add__, _PLAIN, _PIECE),
)
