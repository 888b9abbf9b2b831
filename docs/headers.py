"""Reads the public headers: what they declare, with the comments that stand before it.

A header is a row of pieces. Pieces without a blank line between them belong together, and a comment
speaks of all that follows it in such a row. `/* --- sums --- */` begins a section. So this is C:

    /* --- sums --- */

    /* y = sum of x over dim; 0 over nothing. */
    fv_tensor *fv_sum_ex(const fv_reduce_args *a);
    #define fv_sum(...) FV_CALL(fv_sum_ex, fv_reduce_args, FV_REDUCE_DEFAULTS, __VA_ARGS__)

and this the one function that a user sees: fv_sum(input, .dim = FV_ALL, .keepdim = false)."""
import os
import re

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
WIDTH = 100  # to which comments are filled


class Header:
    """title and prose: of the opening comment. sections: of entries, in order."""

    def __init__(self, path):
        self.path = path
        self.includes = []
        self.comment = ""
        self.sections = [Section("")]

    def title(self):
        """The subject in a few words: what the opening comment says before it explains."""
        return re.split(r": |, (?:with|and what)\b|\\.$", first_sentence(self.comment) + " ")[0].rstrip(" .")


class Section:
    def __init__(self, title):
        self.title = title
        self.notes = []  # comments that speak of no declaration
        self.entries = []


class Entry:
    """kind: function, macro, struct, enum, type or variable."""

    def __init__(self, kind, name, text, comment, remark=""):
        self.kind, self.name, self.text = kind, name, text
        self.comment = comment  # shared by all that it speaks of
        self.remark = remark    # the comment at the end of its line
        self.functions = [name] if kind == "function" else []  # of C, that stand behind it
        self.result, self.params = "", []  # of a function: (type, name, default or None, remark)
        self.struct = self.defaults = None # of a call macro: its arguments, and their defaults


# --- pieces -----------------------------------------------------------------------------------------

def logical_line(text, pos):
    """End of a preprocessor line that begins at pos."""
    while True:
        end = text.find("\n", pos)
        if end < 0:
            return len(text)
        if text[end - 1] != "\\":
            break
        pos = end + 1
    return end


def declaration_end(text, pos):
    """Behind the `;`, or behind the body of an inline function."""
    depth, body = 0, False
    while pos < len(text):
        if text.startswith("/*", pos):
            pos = text.index("*/", pos) + 2
            continue
        c = text[pos]
        if c in "({[":
            if c == "{" and depth == 0:
                body = text[:pos].rstrip().endswith(")")
            depth += 1
        elif c in ")}]":
            depth -= 1
            if depth == 0 and c == "}" and body:
                return pos + 1
        elif c == ";" and depth == 0:
            return pos + 1
        pos += 1
    raise ValueError("a declaration without an end: " + text[-60:])


def pieces(text):
    """(kind, text, blank line before it, on the line of the piece before)."""
    pos, gap, kept = 0, "\n\n", [True]
    while pos < len(text):
        space = re.match(r"\s*", text[pos:]).group(0)
        gap, pos = gap + space, pos + len(space)
        if pos == len(text):
            return
        if text.startswith("/*", pos):
            kind, end = "comment", text.index("*/", pos) + 2
        elif text[pos] == "#":
            kind, end = "line", logical_line(text, pos)
            line = re.sub(r"/\*.*?\*/", "", text[pos:end])
            word = re.match(r"#\s*(\w+)\s*(.*)", line.replace("\\\n", " "), re.S)
            directive, rest = word.group(1), word.group(2).strip()
            if directive in ("if", "ifdef", "ifndef"):  # what only C++ reads is left out
                kept.append((directive, rest) != ("ifdef", "__cplusplus"))
            elif directive in ("else", "elif"):
                kept[-1] = True
            elif directive == "endif":
                kept.pop()
            if directive not in ("define", "include"):
                gap, pos = "\n\n" if "\n\n" in gap else "", end
                continue
        else:
            kind, end = "declaration", pos if not all(kept) else declaration_end(text, pos)
        if not all(kept):
            gap, pos = "\n\n" if "\n\n" in gap else "", end if end > pos else logical_line(text, pos)
            continue
        yield kind, text[pos:end], gap.count("\n") > 1, "\n" not in gap
        pos, gap = end, ""


def comment_text(comment):
    """The words of a comment: line by line, without its stars, indented from where most begin."""
    lines = comment[2:-2].split("\n")
    lines = [lines[0].strip()] + [re.sub(r"^\s*\*? ?", "", l, count=1).rstrip() if l.strip().startswith("*")
                                  else l.strip() for l in lines[1:]]
    return "\n".join(lines).strip("\n ")


SECTION = re.compile(r"^-{3,} *(.*?) *-{3,}\s*$", re.S)


# --- declarations -----------------------------------------------------------------------------------

def squeezed(text):
    text = re.sub(r"/\*.*?\*/|__attribute__\(\((?:[^()]|\([^()]*\))*\)\)", "", text, flags=re.S)
    return re.sub(r"\s+", " ", text).strip()


def split_top(text, separator):
    """Parts between separators that stand in no brackets; comments stay with what they follow."""
    parts, depth, start, pos = [], 0, 0, 0
    while pos < len(text):
        if text.startswith("/*", pos):
            pos = text.index("*/", pos) + 2
            continue
        c = text[pos]
        depth += (c in "({[") - (c in ")}]")
        if c == separator and depth == 0:
            remark = re.match(r"[ \t]*/\*.*?\*/", text[pos + 1:], re.S)
            end = pos + 1 + (remark.end() if remark else 0)
            parts.append(text[start:pos] + (remark.group(0) if remark else ""))
            start = pos = end
            continue
        pos += 1
    if text[start:].strip():
        parts.append(text[start:])
    return parts


def members(body, separator):
    """(declaration, comment) of each part of the body of a struct or enum."""
    found = []
    for part in split_top(body, separator):
        comments = [comment_text(c) for c in re.findall(r"/\*.*?\*/", part, re.S)]
        text = squeezed(part)
        if text:
            found.append((text, comments[-1] if comments else ""))
    return found


def fields(body):
    """(type, name, remark) of each field."""
    found = []
    for text, remark in members(body, ";"):
        if "(" in text:
            found.append((text, "", remark))
            continue
        kind, names = re.match(r"((?:const |struct |unsigned )*\w+) ?(.*)", text).groups()
        for name in names.split(","):
            stars, bare, array = re.match(r"\s*((?:\*|const\b| )*)(\w+)((?:\[[^\]]*\])*)", name).groups()
            stars = stars.replace(" ", "")
            found.append((kind + (" " + stars if stars else ""), bare + array, remark))
    return found


def parameters(text):
    found = []
    for part in split_top(text, ","):
        part = squeezed(part)
        if part in ("", "void"):
            continue
        m = re.match(r"(.*?)(\w+)((?:\[[^\]]*\])?)$", part)
        if not m or "(*" in part or not m.group(1).strip():
            name = re.search(r"\(\*(\w+)\)", part)
            found.append((part, name.group(1) if name else "", None, ""))
        else:
            found.append((m.group(1).strip(), m.group(2) + m.group(3), None, ""))
    return found


def declared(text, comment):
    """The entry of a declaration; None for what is nobody's business."""
    plain = squeezed(text)
    m = re.match(r"(?:typedef )?(struct|enum) ?(\w*) ?\{", plain)
    if m:
        return Entry(m.group(1), m.group(2), text, comment)
    m = re.match(r"typedef .*?\(\*(\w+)\)\(.*\);$", plain) or re.match(r"typedef .*?(\w+);$", plain)
    if m:
        return Entry("type", m.group(1), text, comment)
    if re.match(r"(static inline )?[\w* ]+\(", plain) and not plain.startswith("extern"):
        m = re.match(r"(?:static inline )?(.*?)(\w+)\((.*?)\)(?: ?;| ?\{.*)$", plain)
        entry = Entry("function", m.group(2), text, comment)
        entry.result, entry.params = m.group(1).strip(), parameters(m.group(3))
        return entry
    m = re.search(r"(\w+)(?:\[.*\])?;$", plain)
    return Entry("variable", m.group(1), text, comment) if m else None


def macro(text, comment):
    m = re.match(r"#\s*define\s+(\w+)(\([^)]*\))?\s*(.*)", text.replace("\\\n", " "), re.S)
    entry = Entry("macro", m.group(1), text, comment)
    entry.params = [(None, p.strip(), None, "") for p in (m.group(2) or "")[1:-1].split(",") if p.strip()]
    entry.body = " ".join(squeezed(m.group(3)).split())
    return entry


# --- a header ---------------------------------------------------------------------------------------

def read(path):
    """One header as it stands: see Library for what its macros mean."""
    with open(os.path.join(ROOT, path)) as f:
        text = f.read()
    header = Header(path)
    comment, pending, last, first = "", None, None, True
    for kind, piece, apart, same_line in pieces(text):
        if kind == "comment" and same_line and last is not None:
            last.remark = comment_text(piece)
            continue
        if apart:
            comment = ""
            if pending is not None:
                header.sections[-1].notes.append(pending)
                pending = None
        if kind == "comment":
            words = comment_text(piece)
            if first:
                header.comment, first = words, False
                continue
            section = SECTION.match(words.replace("\n", " "))
            if section:
                header.sections.append(Section(section.group(1)))
                comment, pending = "", None
                continue
            comment = pending = words
            continue
        last = None
        if kind == "line":
            include = re.match(r'#\s*include\s+"(.*)"', piece)
            if include:
                header.includes.append(os.path.normpath(
                    os.path.join(os.path.dirname(path), include.group(1))))
                continue
            if not piece.lstrip("# ").startswith("define"):
                continue
            entry = macro(piece, comment)
            if not entry.body and not entry.params:  # against a second inclusion
                continue
            remark = re.search(r"/\*(.*?)\*/\s*$", piece, re.S)
            entry.remark = comment_text("/*%s*/" % remark.group(1)) if remark else ""
        else:
            entry = declared(piece, comment)
        pending = None
        if entry:
            header.sections[-1].entries.append(entry)
            last = entry
    if pending:
        header.sections[-1].notes.append(pending)
    return header




def row_words(row):
    """A row's expression in PyTorch, with the function's own parameters."""
    torch = re.search(r'"(.*?)"', row).group(1)
    names = {"FV_NUMBER": ["value"], "FV_TEST_NUMBER": ["value"], "FV_BACKWARD_OPTION": ["p", "q"]}
    for name, number in zip(names.get(row.split("(")[0], []),
                            re.findall(r", (-?[\d.]+)(?=[,)])", row.rsplit('"', 1)[1])):
        if number != "0":  # of a function without that option
            torch = re.sub(r"(?<![\w.])%s(?![\w.])" % re.escape(number), name, torch)
    first = "xyz" if "BACKWARD" not in row.split("(")[0] else "gyz"
    return "Source: %s" % re.sub(r"\bx([012])", lambda x: first[int(x.group(1))], torch)


def table(path, macros):
    """Sections of the functions that the rows of an .inc file make by the header's macros."""
    with open(os.path.join(ROOT, path)) as f:
        text = f.read()
    sections, title = [], ""
    for line in re.split(r"\n(?=FV_|/\* ---)", text):
        m = re.match(r"/\* --- (.*?)(?:(?<!\.)[:.]\s| -{3,})", line, re.S)
        if m:
            words = " ".join(m.group(1).split())
            title = words if not words.startswith("... ") else title.split(",")[0] + ", " + words[4:]
        m = re.match(r"(FV_\w+)\((\w+), ", line)
        if not m or m.group(1) not in macros:
            continue
        if not sections or sections[-1].title != title:
            sections.append(Section(title))
        for declaration in macros[m.group(1)].split(";"):
            declaration = declaration.replace("##name##", m.group(2)).replace("##name", m.group(2))
            if declaration.strip():
                words = row_words(line.split("\n")[0])
                sections[-1].entries.append(declared(declaration.strip() + ";", words))
    return sections


class Library:
    """All public headers, in the order in which fovea.h names them: that is the reading order."""

    def __init__(self, start="fovea.h"):
        self.found = {}
        self.order = []
        root = self.visit(start)
        for path in root.includes:
            self.list_in_order(path, set(root.includes))
        for path in list(self.found):
            if path not in self.order and path != start:
                self.order.append(path)
        self.order.append(start)
        self.headers = [self.found[p] for p in self.order]
        self.structs, self.bodies, self.defaults = {}, {}, {}
        self.meet()

    def visit(self, path):
        """Reads a header and all that it includes."""
        if path not in self.found:
            header = self.found[path] = read(path)
            for include in header.includes:
                if include.endswith(".h"):
                    self.visit(include)
        return self.found[path]

    def list_in_order(self, path, later):
        header = self.found[path]
        if path in self.order:
            return
        self.order.append(path)
        if not any(s.entries for s in header.sections):  # a header of headers
            for include in header.includes:
                if include not in later:
                    self.list_in_order(include, later)

    def all_entries(self):
        for header in self.headers:
            for section in header.sections:
                for entry in section.entries:
                    yield entry

    def meet(self):
        """Puts together what C has to keep apart: call macros and their functions."""
        for entry in self.all_entries():
            if entry.kind == "struct":
                self.structs[entry.name] = fields(re.search(r"\{(.*)\}", entry.text, re.S).group(1))
            if entry.kind == "macro" and entry.name.endswith("_DEFAULTS"):
                self.bodies[entry.name] = entry.body
                self.defaults[entry.name] = self.default_values(entry.body)
        for header in self.headers:
            self.expand_tables(header)
            for section in header.sections:
                section.entries = self.joined(section.entries)

    @staticmethod
    def default_values(body):
        inner = re.match(r"FV_(?:NO_)?DEFAULTS\((.*)\)$", body)
        values = {}
        for part in split_top(inner.group(1), ",") if inner else []:
            m = re.match(r"\s*\.(\w+) = (.*)", part)
            if m:
                values[m.group(1)] = re.sub(r"\((?:double|fv_bound|fv_dtype)\)", "", m.group(2).strip()
                                            ).replace("__builtin_inf()", "INFINITY")
        return values

    def expand_tables(self, header):
        macros = {e.name: e.body for s in header.sections for e in s.entries
                  if e.kind == "macro" and "##name" in e.body and "fv_tensor *" in e.body}
        for include in header.includes:
            if include.endswith(".inc") and macros:
                for section in header.sections:
                    section.entries = [e for e in section.entries if e.name not in macros]
                at = 1 + next(i for i, s in enumerate(header.sections))
                header.sections[at:at] = table(include, macros)

    def joined(self, entries):
        """Call macros in place of their functions, and without the macros that merely help."""
        by_name = {e.name: e for e in entries if e.kind == "function"}
        gone, kept = set(), []
        for e in entries:
            if e.kind != "macro":
                continue
            call = re.match(r"FV_CALL\( ?(\w+), (\w+), (\w+), __VA_ARGS__\)", e.body)
            if call and call.group(1) in by_name:
                self.become_call(e, by_name[call.group(1)], call.group(2), call.group(3))
                gone.add(call.group(1))
            elif e.name in by_name:  # a macro that takes more than its function: its way in
                gone.add(e)
        for e in self.by_macro_alone(entries, by_name):
            gone.add(e)
        for e in entries:
            helper = e.kind == "macro" and (e.name.endswith(("_", "_DEFAULTS")) or re.search(r"_[12]$", e.name)
                                            or not (e.comment or e.remark))
            defaults = e.kind == "variable" and e.name.endswith("_defaults")
            if e.name in gone or e in gone or helper or defaults:
                continue
            kept.append(e)
        return kept

    def by_macro_alone(self, entries, by_name):
        """fv_tensor_from(...) reaches its function through other macros: the name tells."""
        for e in entries:
            if e.kind == "macro" and e.name + "_ex" in by_name and not e.functions:
                function = by_name[e.name + "_ex"]
                self.become_call(e, function, None, None)
                first = re.findall(r"\.(\w+) = ", e.body)  # fv_tensor_from(data, 2, 3): named by it
                e.params.sort(key=lambda p: p[1] not in first)
                yield function

    def become_call(self, e, function, struct, defaults):
        e.kind, e.result = "function", function.result
        e.comment = function.comment or e.comment
        e.functions, e.defaults = [function.name], defaults
        e.struct = struct or re.sub(r"^const | \*$", "", function.params[0][0])
        defaults = defaults or next((name for name, body in self.bodies.items()
                                     if "(%s" % e.struct in body), None)
        values = self.defaults.get(defaults, {})
        e.params = self.call_parameters(e.struct, values)

    def call_parameters(self, struct, values):
        """(type, name, default or None, remark): those without a default are given by position."""
        found, leading = [], True
        for kind, name, remark in self.structs.get(struct, []):
            if name == "size" or re.match(r"n[1-7]$", name) or "fv_too_many_sizes" in kind:
                continue
            if name == "n0":
                found.append(("int64_t", "sizes", None, remark or "numbers, or .shape = s"))
                continue
            if name == "shape" and any(f[1] == "sizes" for f in found):
                continue
            said = re.match(r"(NULL|-?\d[\w.]*)\b" if "*" in kind else r"(-?\d[\w.]*)\b", remark)
            default = values.get(name, said and said.group(1))
            leading = leading and default is None and kind != "bool" and "**" not in kind
            if default is None and not leading:
                default = "NULL" if "*" in kind else "false" if kind == "bool" else "0"
                if kind.endswith("_fn") or "(" in kind:
                    default = None
            found.append((kind, name, default, remark))
        return found


# --- words ------------------------------------------------------------------------------------------

LABELS = re.compile(r"(?:(?<=\s)|^)(Gradients?|Errors(?: \([^)]*\))?|Source): ?")


def lines_as_meant(text):
    """A comment's lines with those joined that were broken for the width alone: [(indent, line)]."""
    out, broken = [], False
    for line in text.split("\n"):
        words = line.strip()
        indent = len(line) - len(line.lstrip())
        if not words:
            out.append((0, ""))
            broken = True
            continue
        if out and out[-1][1] and not broken:
            before = last_length + 1 + len(words.split()[0])
            deeper = indent > 0 and out[-1][0] == 0
            goes_on = before > WIDTH or (re.search(r"[a-z,]$", out[-1][1]) and
                                         re.match(r"[a-z]{2,}(?! [=\[])\b", words))
            hangs = deeper and not out[-1][1].endswith(":")
            if out[-1][0] == 0 and (hangs or (indent == last_indent and goes_on)):
                out[-1] = (0, out[-1][1] + " " + words)
                last_length, last_indent = indent + 3 + len(words), indent
                continue
        out.append((indent, line[indent:] if indent == 0 else line))
        broken = False
        last_length, last_indent = indent + 3 + len(words), indent
    return out


def first_sentence(text):
    """What it is in a line: without the labelled parts, unless there is nothing else."""
    words = ""
    for indent, line in lines_as_meant(text):
        if not line or (indent and words):
            break
        cut = LABELS.search(line)
        words = line[:cut.start()].strip() if cut and (cut.start() > 0 or words) else line.strip()
        if words:
            break
    words = re.sub(r"^Source: ", "", words)
    end = re.search(r"(?<!e\.g)(?<!\.)\.(?=\s+\S|$)", words)
    if end:
        words = words[:end.start() + 1]
    return words.rstrip(" :") if words.endswith(":") else words
