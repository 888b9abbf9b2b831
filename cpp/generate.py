#!/usr/bin/env python3
"""Makes cpp/calls.hpp of the C headers: every function with an arguments struct, and every plain
function from tensors to a tensor, in namespace fv. Run it after a change of a public header:

    cpp/generate.py > cpp/calls.hpp

A test compares. Rules: `n0 .. n7, end, shape` become one fv::shape; the leading fields that have no
default (pointers, channels and the like) are parameters, the others an aggregate <function>_options
whose members start from the defaults of the struct; of trailing tensor parameters any number may be
left out."""
import os
import re
import subprocess
import sys

root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(root, "docs"))
import headers  # noqa: E402, where it lies

compiler = os.environ.get("CC", "cc").split()


def preprocessed():
    source = '#include "fovea.h"\n'
    out = subprocess.run(compiler + ["-E", "-P", "-I", root, "-x", "c", "-"], input=source,
                         capture_output=True, text=True, check=True).stdout
    out = re.sub(r"#pragma.*", "", out)
    return re.sub(r"\s+", " ", out).replace("_Bool", "bool")


LIBRARY = headers.Library()
PLAIN = preprocessed()


def fields(struct):
    """(type, name, array) of each member; `struct fv_x *` is an opaque pointer."""
    for kind, name, _ in LIBRARY.structs[struct]:
        array = re.search(r"\[(.*)\]", name)
        yield kind, re.sub(r"\[.*", "", name) or kind, array.group(1) if array else None


def with_default(macro):
    return set(LIBRARY.defaults[macro])


HANDLES = {"fv_tensor *": "const tensor &", "const fv_tensor *": "const tensor &",
           "fv_module *": "const module &", "fv_optim *": "const optim &",
           "const fv_optim *": "const optim &", "fv_scheduler *": "const scheduler &",
           "fv_dataset *": "const dataset &", "fv_loader *": "const loader &",
           "fv_data_parallel *": "const data_parallel &",
           "const fv_data_parallel *": "const data_parallel &",
           "fv_checkpoint *": "const checkpoint &", "const fv_checkpoint *": "const checkpoint &",
           "fv_figure *": "const figure &",
           "fv_inspection *": "const inspection &", "const fv_inspection *": "const inspection &"}
OWNERS = {"fv_module *": "module", "fv_optim *": "optim", "fv_scheduler *": "scheduler",
          "fv_dataset *": "dataset", "fv_loader *": "loader", "fv_checkpoint *": "checkpoint",
          "fv_data_parallel *": "data_parallel", "fv_inspection *": "inspection",
          "fv_figure *": "figure"}
SIZES = {"n0", "n1", "n2", "n3", "n4", "n5", "n6", "n7", "end", "shape"}
POSITIONAL = {"int64_t", "fv_dims", "const char *", "fv_tensor_list", "fv_milestones", "fv_shape"}
BY_HAND = {"fv_arange_ex", "fv_tensor_from_ex", "fv_backward_ex", "fv_grad_ex", "fv_gradcheck_ex",
           "fv_gradgradcheck_ex", "fv_forward_ex", "fv_random_split_ex",
           "fv_nn_residual_ex", "fv_init_process_group_ex", "fv_spawn_ex"}
KEYWORDS = {"and", "or", "not", "xor", "double", "float", "bool", "int", "default", "template"}


def spaced(name):
    """Namespace and name of a C function."""
    name = re.sub(r"^fv_", "", re.sub(r"_ex(_?)$", r"\1", name))
    for prefix, space in (("nn_", "nn"), ("init_", "init")):
        if name.startswith(prefix):
            return space, name[len(prefix):]
    return None, name + ("_" if name in KEYWORDS else "")


def declared(function):
    m = re.search(r"(?<![\w])((?:const )?\w+ \*?)%s\((.*?)\)\s*;" % re.escape(function), PLAIN)
    return (" ".join(m.group(1).split()), m.group(2)) if m else (None, None)


def result(kind, call):
    if kind == "fv_tensor *":
        return "tensor", "return detail::call([&] { return %s; });" % call
    if kind in OWNERS:
        return OWNERS[kind], "return %s(%s);" % (OWNERS[kind], call)
    return kind, "const %s result = %s;\n    detail::check();\n    return result;" % (kind, call)


def passed(kind, name):
    if kind == "fv_tensor_list":
        return name + ".list()"
    return name + ".get()" if kind in HANDLES else name


TYPES = {"dataset", "optim", "scheduler", "loader", "module", "checkpoint", "data_parallel", "inspection",
         "figure", "tensor", "tensors",
         "shape", "batch", "dims", "dtype", "scope", "error"}


def own(name):
    """A parameter's name, which no type of the namespace has."""
    return name + "_" if name in TYPES else name


def parameter(kind, name):
    name = own(name)
    if kind == "fv_tensor_list":
        return "const tensors &" + name
    if kind == "fv_shape":
        return "const shape &" + name
    if kind in HANDLES:
        return HANDLES[kind] + name
    return kind + ("" if kind.endswith("*") else " ") + name


def struct_call(function, struct, macro, out):
    kind, _ = declared(function)
    if kind is None or function in BY_HAND:
        return
    space, name = spaced(function)
    members = [f for f in fields(struct) if f[1] != "size"]
    if any("(" in n for _, n, _ in members) or any(t.endswith("_fn") for t, _, _ in members):
        return  # functions of C: take them from C
    sized = any(n == "n0" for _, n, _ in members)
    given = with_default(macro)
    params, options = [], []
    leading = True
    for type_, member, array in members:
        if sized and member in SIZES:
            if member == "n0":
                params.append(("shape", "sizes"))
            continue
        pointer = type_ in HANDLES or type_ in POSITIONAL
        leading = leading and pointer and member not in given and not array
        if leading:
            params.append((type_, member))
        elif "**" not in type_ and not (type_.endswith("*") and type_ not in HANDLES
                                        and type_ != "const char *"):
            options.append((type_, member, array))
    defaults = macro.lower()
    if options:
        out.append("struct %s_options {" % name)
        for type_, member, array in options:
            if array:
                values = ", ".join("%s.%s[%d]" % (defaults, member, i) for i in range(int(array) if array.isdigit() else 4))
                out.append("    %s %s[%s] = {%s};" % (type_, member, array, values))
            elif type_ in ("fv_tensor *", "fv_tensor_list"):
                out.append("    %s %s{};" % ("tensor" if type_ == "fv_tensor *" else "tensors",
                                        member))
            else:
                out.append("    %s%s%s = %s.%s;" % (type_, "" if type_.endswith("*") else " ",
                                                  member, defaults, member))
        out.append("};")
    counts = [len(params)]
    while counts[-1] > 1 and params[counts[-1] - 1][0] == "fv_tensor *":
        counts.append(counts[-1] - 1)
    for count in counts:
        emit_struct(function, struct, defaults, kind, name, params[:count], options, out)
    out.append("")


def emit_struct(function, struct, defaults, kind, name, params, options, out):
    head = [("const shape &" + own(n) if t == "shape" else parameter(t, n)) for t, n in params]
    if options:
        head.append("const %s_options &options = {}" % name)
    lines = ["%s a = %s;" % (struct, defaults)]
    for type_, member in params:
        target = "shape" if type_ == "shape" else member
        lines.append("a.%s = %s;" % (target, passed(type_, own(member))))
    for type_, member, array in options:
        if array:
            lines.append("for (int i = 0; i < %s; i++) a.%s[i] = options.%s[i];"
                         % (array, member, member))
        elif type_ in ("fv_tensor *", "fv_tensor_list"):
            lines.append("a.%s = %s;" % (member, passed(type_, "options." + member)))
        else:  # other objects as C handles: .module = net.get()
            lines.append("a.%s = options.%s;" % (member, member))
    type_, body = result(kind, "%s(&a)" % function)
    if options:
        out.append("inline %s %s(%s)" % (type_, name, ", ".join(head)))
    else:
        out.append("inline %s %s(%s)" % (type_, name, ", ".join(head)))
    out.append("{")
    out.extend("    " + line for line in lines)
    out.append("    " + body)
    out.append("}")


PLAIN_KINDS = set(HANDLES) | {"int64_t", "double", "bool", "fv_dims", "fv_dtype", "fv_shape",
                              "fv_tensor_list"}
AUTHORS = re.compile(r"_backward|_to$|^fv_(retain|release|scope_|failed|tensor_|apply|requires_grad$|"
                     r"grad_of|split|module_tensor|sum_to|module_(new|finish|free)|get_child|child|"
                     r"forward$|scalar)")


def plain_calls(out):
    numbers = {}
    pattern = re.compile(r"(?:^|[;}] ?)(fv_tensor \*|fv_module \*|fv_scheduler \*|fv_dataset \*) ?"
                         r"(fv_\w+)\(([^()]*)\)")
    for m in pattern.finditer(PLAIN):
        kind, function, text = m.groups()
        if AUTHORS.search(function) and function not in ("fv_to", "fv_from"):
            if not re.search(r"_scalar(_int64)?_?$", function):
                continue
        params, known = [], True
        for p in (text.split(",") if text.strip() != "void" else []):
            p = re.sub(r" ?\* ?", " *", " ".join(p.split()))
            n = re.match(r"(.*?[ *])(\w+)$", p)
            t = n.group(1).strip() if n else p
            known = known and t in PLAIN_KINDS
            params.append((t, n.group(2) if n else ""))
        if not known or any(n in KEYWORDS for _, n in params):
            continue
        number = re.match(r"fv_(\w+?)_scalar(_int64)?(_?)$", function)
        if number:
            numbers.setdefault(number.group(1) + number.group(3), {})[bool(number.group(2))] = function
            continue
        if function.endswith(("_int64", "_int64_")):
            continue
        space, name = spaced(function)
        type_, body = result(kind, "%s(%s)" % (function, ", ".join(passed(t, own(n)) for t, n in params)))
        out(space, ["inline %s %s(%s)" % (type_, name, ", ".join(parameter(t, n) for t, n in params)),
                    "{", "    " + body, "}", ""])
    for name, pair in sorted(numbers.items()):
        if len(pair) == 2:
            out(None, ["template <number N> tensor %s(const tensor &x, N value)" % name, "{",
                       "    return detail::with_number(x, value, %s, %s);" % (pair[False], pair[True]),
                       "}", ""])


def main():
    spaces = {None: [], "nn": [], "init": []}
    for path in sorted(LIBRARY.found):
        for section in LIBRARY.found[path].sections:
            for call in section.entries:
                if call.defaults:
                    function = call.functions[0]
                    struct_call(function, call.struct, call.defaults, spaces[spaced(function)[0]])
    plain_calls(lambda space, lines: spaces[space].extend(lines))
    print("/* Made by generate.py of the C headers: do not edit. */")
    print("#ifndef FOVEA_CALLS_HPP\n#define FOVEA_CALLS_HPP\n\n#include \"../fovea.hpp\"\n")
    print("namespace fv {\n\n" + "\n".join(spaces[None]))
    for space in ("nn", "init"):
        print("namespace %s {\n\n%s} // namespace %s\n" % (space, "\n".join(spaces[space]), space))
    print("} // namespace fv\n#endif")


if __name__ == "__main__":
    sys.exit(main())
