#!/usr/bin/env python3
"""Makes FUNCTIONS.md of the public headers: every function, by what one does with it.

    docs/functions.py > FUNCTIONS.md
    docs/functions.py --names       each function of C, and the name under which the page has it

A test compares."""
import re
import sys

import headers

INTRO = """# Functions

Every function and macro of `fovea.h`, in the order in which one reads the headers. What stands behind
a dot is named in a call, `fv_conv2d(x, w, .stride = 2)`, and has the value given here when it is left
out. The comment in the header says the rest: shapes, formula, gradient, errors and source. Made by
`docs/functions.py`; a test compares.
"""


def call(entry):
    """(input, weight, .stride = 1): what a user writes."""
    shown = []
    for kind, name, default, _ in entry.params:
        name = name.split("[")[0]
        if not name:
            shown.append("...")
        elif default is None or (default == "NULL" and "fv_tensor *" == kind):
            shown.append(name + ("" if default is None else " = NULL"))
        elif default in ("FV_UNSET", "FV_UNSET_NUMBER", "FV_UNSET_DTYPE", "FV_ANY_SEED", "FV_INHERIT"):
            shown.append("." + name)
        else:
            shown.append(".%s = %s" % (name, default))
    if entry.kind == "macro" and not entry.params:
        return ""
    return "(" + ", ".join(shown) + ")"


def grouped(entries):
    """(words, entries) of each row: what one comment speaks of."""
    groups = []
    for e in entries:
        if e.kind not in ("function", "macro"):
            continue
        words = e.remark if e.kind == "macro" and e.remark else e.comment
        if groups and groups[-1][0] == words:
            groups[-1][1].append(e)
        else:
            groups.append((words, [e]))
    return groups


def calls(group):
    """`fv_conv1d`, `fv_conv2d(input, ...)`: arguments once where they are the same."""
    spans = []
    for e, following in zip(group, group[1:] + [None]):
        arguments = call(e)
        same = following is not None and call(following) == arguments
        spans.append("`%s`" % (e.name + ("" if same else arguments)) + (", " if same else "<br>"))
    return "".join(spans).removesuffix("<br>")


def marked(text):
    """Words of a comment as Markdown."""
    text = text.replace("|", "\\|").replace("<", "&lt;")
    text = re.sub(r"\*(?=\w)|(?<=\w)\*", r"\\*", text)
    return re.sub(r"\b(?:fv|FV)_\w+(?:\*)?", lambda m: "`%s`" % m.group(0), text)


def rows(entries):
    return ["| %s | %s |" % (calls(group), marked(headers.first_sentence(words)))
            for words, group in grouped(entries)]


def anchor(title):
    return "".join(c for c in title.lower() if c.isalnum() or c in " -_").replace(" ", "-")


def page(library):
    parts, contents = [], []
    for header in library.headers:
        tables = [(s.title, rows(s.entries)) for s in header.sections]
        if not any(t for _, t in tables):
            continue
        title = header.title()
        contents.append("- [%s](#%s)" % (title, anchor(title)))
        subject = headers.first_sentence(header.comment).rstrip(".")
        parts.append("## %s\n\n%s[%s](%s)\n" % (title, "" if subject == title else marked(subject) + ": ",
                                               header.path, header.path))
        for name, table in tables:
            if table:
                parts.append(("### %s\n\n" % name if name else "") + "| | |\n|---|---|\n" +
                             "\n".join(table) + "\n")
    return "\n".join([INTRO] + ["\n".join(contents) + "\n"] + parts)


def main():
    library = headers.Library()
    if sys.argv[1:] == ["--names"]:
        for entry in library.all_entries():
            for function in entry.functions:
                print(function, entry.name)
        return
    sys.stdout.write(page(library))


if __name__ == "__main__":
    main()
