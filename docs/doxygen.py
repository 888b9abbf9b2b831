#!/usr/bin/env python3
"""Writes what Doxygen reads: the public headers as their users see them.

    docs/doxygen.py OUT

A call macro and the function behind it become one function with its options and their defaults; a
comment becomes the documentation of everything that it speaks of; a header becomes a topic, and the
front page the map of all topics."""
import os
import re
import sys

import functions
import headers


def group_id(path):
    return re.sub(r"\W", "_", path)


def escaped(text):
    text = text.replace("\\", "\\\\").replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
    text = re.sub(r"[@#%$]", lambda m: "\\" + m.group(0), text)
    return text.replace("::", "\\::").replace("--", "\\--")


class Writer:
    def __init__(self, library, folder):
        self.library, self.folder = library, folder
        self.names = {e.name for e in library.all_entries() if e.name}
        self.pages = 0     # Doxygen reads files, and lists topics, by name
        self.callers = {}  # struct -> functions
        for e in library.all_entries():
            if e.struct:
                self.callers.setdefault(e.struct, []).append(e.name)

    # --- words ----------------------------------------------------------------------------------

    def linked(self, text, but=""):
        def link(m):
            name = m.group(0)
            return '@ref %s "%s"' % (name, name) if name in self.names and name != but else name
        text = re.sub(r"`(.*?)`", r"<code>\1</code>", escaped(text))
        return re.sub(r"\b(?:fv|FV)_\w+\b", link, text)

    def labelled(self, line, but):
        """A line with what stands behind Gradient:, Errors: and Source: in paragraphs of their own."""
        parts, at, title = [], 0, None
        for m in list(headers.LABELS.finditer(line)) + [None]:
            words = line[at:m.start() if m else len(line)].strip()
            if words and title:
                parts.append("@par %s\n%s\n" % (escaped(title), self.linked(words, but)))
            elif words:
                parts.append(self.linked(words, but))
            if m:
                at, title = m.end(), m.group(1)
        return "\n".join(parts)

    def words(self, text, but=""):
        """A comment as documentation: lines as they were meant, formulas and code as they stand."""
        out, block = [], []

        def flush():
            if block:
                code = any(";" in l or "fv_" in l or "FV_" in l for l in block)
                begin, end = ("@code{.c}", "@endcode") if code else ("@verbatim", "@endverbatim")
                depth = min(len(l) - len(l.lstrip()) for l in block if l.strip())
                out.append("\n".join([begin] + [l[depth:] for l in block] + [end]))
                block.clear()

        lines = headers.lines_as_meant(text)
        for i, (indent, line) in enumerate(lines):
            if indent or (not line and block and i + 1 < len(lines) and lines[i + 1][0]):
                block.append(line)
                continue
            flush()
            if not line:
                out.append("")
            else:
                broken = i + 1 < len(lines) and lines[i + 1][1] and not lines[i + 1][0]
                words = self.labelled(line, but)
                out.append(words + ("<br>" if broken and "@par" not in words else ""))
        flush()
        return "\n".join(out)

    def documentation(self, entry, more=""):
        brief = self.linked(headers.first_sentence(entry.comment or entry.remark), entry.name)
        text = self.words(entry.comment, entry.name)
        if entry.remark and entry.kind == "macro":
            text, brief = "", self.linked(entry.remark, entry.name)
        elif entry.remark:
            text += "\n\n" + self.linked(entry.remark, entry.name)
        parameters = ["@param %s %s" % (re.sub(r"\[.*", "", name), self.linked(remark))
                      for _, name, _, remark in entry.params if remark and name]
        whole = "\n".join(["@brief " + brief, "", text, ""] + parameters + [more])
        return "/** " + whole.replace("*/", "* /") + " */"

    # --- declarations ---------------------------------------------------------------------------

    def function(self, e):
        more = ""
        if e.struct:
            more = ('@par Behind the macro\n<code>%s(const @ref %s "%s" *a)</code>, for C++, other '
                    "languages and a debugger." % (e.functions[0], e.struct, e.struct))
        shown = []
        for kind, name, default, _ in e.params:
            text = kind if kind == "..." or "(*" in kind else \
                kind + ("" if kind.endswith("*") else " ") + name
            shown.append(text + (" = " + default if default is not None else ""))
        return "%s\n%s%s%s(%s);" % (self.documentation(e, more), e.result,
                                     "" if e.result.endswith("*") else " ", e.name, ", ".join(shown))

    def macro(self, e):
        parameters = "(%s)" % ", ".join(n for _, n, _, _ in e.params) if e.params else ""
        return "%s\n#define %s%s" % (self.documentation(e), e.name, parameters)

    def struct(self, e):
        if e.name in self.callers and not e.comment:
            calls = ", ".join('@ref %s "%s"' % (n, n) for n in self.callers[e.name])
            text = "/** @brief The arguments of %s. */" % calls
        else:
            text = self.documentation(e) if e.comment else ""
        lines = [text, "struct %s {" % e.name]
        for kind, name, remark in headers.fields(re.search(r"\{(.*)\}", e.text, re.S).group(1)):
            comment = " /**< %s */" % self.linked(remark) if remark else ""
            if "(" in kind:
                lines.append("    %s;%s" % (kind, comment))
            else:
                lines.append("    %s%s%s;%s" % (kind, "" if kind.endswith("*") else " ", name, comment))
        return "\n".join(lines + ["};"])

    def enumeration(self, e):
        lines = [self.documentation(e) if e.comment else "", "enum %s {" % e.name]
        body = re.search(r"\{(.*)\}", e.text, re.S).group(1)
        for text, remark in headers.members(body, ","):
            lines.append("    %s,%s" % (text, " /**< %s */" % self.linked(remark) if remark else ""))
        return "\n".join(lines + ["};"])

    def plain(self, e):
        if e.kind == "type" and e.name in self.library.structs:
            return ""
        return "%s\n%s" % (self.documentation(e) if e.comment else "", headers.squeezed(e.text))

    def entry(self, e):
        write = {"function": self.function, "macro": self.macro, "struct": self.struct,
                 "enum": self.enumeration}
        return write.get(e.kind, self.plain)(e)

    # --- pages ----------------------------------------------------------------------------------

    def header(self, header, parent):
        out = ["/** @defgroup %s %s" % (group_id(header.path), header.title()),
               "@ingroup %s" % group_id(parent), self.words(header.comment), "",
               "<code>\\#include &lt;fovea.h&gt;</code>, which includes %s." % escaped(header.path),
               "@{ */"]
        for section in header.sections:
            if not section.entries:
                continue
            if section.title:
                notes = "\n\n".join(self.words(n) for n in section.notes)
                out.append("/** @name %s\n%s\n@{ */" % (escaped(section.title.capitalize()), notes))
            out += [self.entry(e) for e in section.entries]
            if section.title:
                out.append("/** @} */")
        out.append("/** @} */")
        self.write(group_id(header.path) + ".h", "\n\n".join(out))

    def write(self, name, text):
        self.pages += 1
        with open(os.path.join(self.folder, "%03d_%s" % (self.pages, name)), "w") as f:
            f.write(text + "\n")


def folder_of(path):
    """The nearest folder around a header that has a page of its own."""
    folder = os.path.dirname(path)
    while folder and not os.path.exists(os.path.join(headers.ROOT, folder, "README.md")):
        folder = os.path.dirname(folder)
    return folder or "."


def folder_words(folder):
    """The first sentence of a folder's page."""
    if folder == ".":
        return "The whole library by one include."
    with open(os.path.join(headers.ROOT, folder, "README.md")) as f:
        text = f.read().split("\n\n")[1]
    return re.match(r"(.*?[.:])(?=\s[A-Z]|$)", " ".join(text.split())).group(1).replace("`", "")


def front_page(writer, folders):
    rows = []
    for folder, found in folders.items():
        topics = " · ".join('@ref %s "%s"' % (group_id(h.path), escaped(h.title())) for h in found)
        rows.append("<tr><td class=\"folder\">@ref %s \"%s\"</td><td><div class=\"what\">%s</div>%s</td></tr>"
                    % (group_id(folder), escaped(folder.replace(".", "fovea.h") + ("/" if folder != "." else "")),
                       escaped(folder_words(folder)), topics))
    fovea = writer.library.found["fovea.h"].comment.split("\n\n")
    writer.write("front.dox", "/** @mainpage Fovea\n%s\n\n%s\n" % (writer.words(fovea[0]), FRONT % {
        "rows": "\n".join(rows)}) + "*/")


FRONT = """@ref by_task "All functions by task"

<table class="layers">
<tr><td class="box">@ref tensor "tensor"</td><td>&larr;</td><td class="box">@ref autograd "autograd"</td>
<td>&larr;</td><td class="box">@ref nn "nn"</td><td>&larr;</td>
<td class="box" rowspan="3">@ref train "train"</td></tr>
<tr><td></td><td></td><td></td><td>&larr;</td><td class="box">@ref optim "optim"</td><td>&larr;</td></tr>
<tr><td></td><td>&larr;</td><td class="box" colspan="3">@ref data "data"</td><td>&larr;</td></tr>
</table>

An arrow leads from a folder to what it includes, and to nothing else.

<table class="map">
%(rows)s
</table>
"""


def functions_page(writer):
    """FUNCTIONS.md as a page with links."""
    out = ["/** @page by_task All functions by task"]
    for header in writer.library.headers:
        tables = [(s, functions.grouped(s.entries)) for s in header.sections]
        if not any(t for _, t in tables):
            continue
        out.append("@section task_%s %s" % (group_id(header.path), header.title()))
        for section, table in tables:
            if not table:
                continue
            if section.title:
                out.append("<p><b>%s</b></p>" % escaped(section.title.capitalize()))
            out.append("<table class=\"task\">")
            for words, group in table:
                names = ", ".join('@ref %s "%s"' % (e.name, e.name) for e in group)
                out.append("<tr><td>%s</td><td>%s</td></tr>"
                           % (names, writer.linked(headers.first_sentence(words))))
            out.append("</table>")
    writer.write("by_task.dox", "\n".join(out).replace("*/", "* /") + " */")


def main():
    folder = sys.argv[1]
    os.makedirs(folder, exist_ok=True)
    writer = Writer(headers.Library(), folder)
    folders = {}
    for header in writer.library.headers:
        if any(s.entries for s in header.sections):
            folders.setdefault(folder_of(header.path), []).append(header)
    groups = ["/** @defgroup %s %s\n%s */" % (
        group_id(f), escaped(f.replace(".", "fovea.h")), escaped(folder_words(f))) for f in folders]
    writer.write("folders.dox", "\n".join(groups))
    for parent, found in folders.items():
        for header in found:
            writer.header(header, parent)
    front_page(writer, folders)
    functions_page(writer)


if __name__ == "__main__":
    main()
