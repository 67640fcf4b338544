package engine

import (
	"strings"

	"rewind/sandbox/internal/sql"
)

// builtin resolves one call of a scalar function.
type builtin func(a *analyzer, args []node) (node, error)

// call resolves an aggregate, an analytic function or a scalar function.
func (a *analyzer) call(e *sql.Call, s *scope) (node, error) {
	if e.Over != nil {
		return a.analytic(e, s)
	}
	if agg, ok := aggregates[e.Name]; ok {
		return a.aggregateCall(e, agg, s)
	}
	if e.Star || e.Distinct {
		return node{}, analysis("'*' and DISTINCT are only valid in aggregate functions: %s", e.Name)
	}
	args, err := a.expressions(e.Args, s)
	if err != nil {
		return node{}, err
	}
	if b, ok := builtins[e.Name]; ok {
		return b(a, args)
	}
	types := make([]string, len(args))
	for i, n := range args {
		types[i] = n.typ.String()
	}
	return node{}, analysis("%s() unknown for the stand-in: %s(%s)", e.Name, e.Name, strings.Join(types, ", "))
}

// signature checks and coerces arguments; a type in the list is what the
// argument must become, NullType takes any.
func (a *analyzer) signature(name string, args []node, want ...Kind) error {
	if len(args) != len(want) {
		return analysis("No matching function with signature: %s with %d arguments", name, len(args))
	}
	for i, k := range want {
		if k == NullType || args[i].typ.Kind == k {
			continue
		}
		t := Type{Kind: k}
		implicit := assignable(args[i], t) || k == BigInt && args[i].typ.isInteger() ||
			k == String && args[i].typ.Kind == Binary && name == "base64encode"
		if !implicit {
			return analysis("No matching function with signature: %s(… %s …)", name, args[i].typ)
		}
		var err error
		if args[i], err = a.coerce(args[i], t); err != nil {
			return err
		}
	}
	return nil
}

// simple makes a builtin of fixed types whose value is NULL for a NULL argument.
func simple(name string, result Kind, fn function, want ...Kind) builtin {
	return func(a *analyzer, args []node) (node, error) {
		args = append([]node(nil), args...)
		if err := a.signature(name, args, want...); err != nil {
			return node{}, err
		}
		return a.apply(name, Type{Kind: result}, strict(fn), args...)
	}
}

// constant makes a builtin of no argument.
func constantCall(name string, value func(a *analyzer) node) builtin {
	return func(a *analyzer, args []node) (node, error) {
		return value(a), a.signature(name, args)
	}
}

func coalesce(a *analyzer, args []node) (node, error) {
	if len(args) == 0 {
		return node{}, analysis("No matching function with signature: coalesce()")
	}
	args = append([]node(nil), args...)
	t, err := a.unify(args)
	if err != nil || len(args) == 1 {
		return args[0], err
	}
	return combine(t, "coalesce("+texts(args)+")", args...), nil
}

func ifCall(a *analyzer, args []node) (node, error) {
	if len(args) != 3 || args[0].typ.Kind != Boolean && args[0].typ.Kind != NullType {
		return node{}, analysis("No matching function with signature: if(BOOLEAN, T, T)")
	}
	return a.choose([]node{args[0]}, []node{args[1], args[2]})
}

func nullIf(a *analyzer, args []node) (node, error) {
	if len(args) != 2 {
		return node{}, analysis("No matching function with signature: nullif(T, T)")
	}
	equal, err := a.compare("=", args[0], args[1])
	if err != nil {
		return equal, err
	}
	return a.choose([]node{equal}, []node{nullNode, args[0]})
}

// concat joins text; many arguments are joined in groups, since SQLite limits
// how many a function takes.
func (a *analyzer) concat(args []node) (node, error) {
	const group = 60
	args = append([]node(nil), args...)
	for i, n := range args {
		if !n.typ.isText() && n.typ.Kind != NullType {
			return node{}, analysis("No matching function with signature: concat(… %s …)", n.typ)
		}
		args[i].typ = Type{Kind: String}
	}
	for len(args) > group {
		joined, err := a.concat(args[:group])
		if err != nil {
			return joined, err
		}
		args = append([]node{joined}, args[group:]...)
	}
	return a.apply("concat", Type{Kind: String}, strict(func(x []datum) (datum, error) {
		n := 0
		for _, d := range x {
			n += len(d.b)
		}
		b := make([]byte, 0, n)
		for _, d := range x {
			b = append(b, d.b...)
		}
		return blob(b), nil
	}), args...)
}

func isNullCall(not bool) builtin {
	return func(a *analyzer, args []node) (node, error) {
		if err := a.signature("isnull", args, NullType); err != nil {
			return node{}, err
		}
		if not {
			return combine(boolType, "("+args[0].sql+" IS NOT NULL)", args...), nil
		}
		return combine(boolType, "("+args[0].sql+" IS NULL)", args...), nil
	}
}
