package table

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
)

// conversion is what a projection does with a column's bytes.
type conversion uint8

const (
	keep    conversion = iota + 1 // the bytes stay: the same type, or one whose values are encoded alike
	cut                           // the column is gone
	null                          // the column is new
	widen                         // FLOAT to DOUBLE
	rescale                       // DECIMAL to more scale digits
)

// projected is one column's part in a projection.
type projected struct {
	conversion conversion
	from, to   field
}

// Projection rewrites images and keys of one schema as those of another, by column id: a column is cut, NULL, or widened. Widening
// covers the integers upwards, FLOAT to DOUBLE, DECIMAL to more digits on either side of the point, VARCHAR and CHAR to more
// length, VARCHAR to STRING, and text to text carried as bytes. Not for concurrent use.
type Projection struct {
	columns   []projected // in id order
	keys      []projected // in key order
	fromCodec *Codec
	images    bool // images stay as they are
	sameKeys  bool
}

// IncompatibleError is a change of a column's type, or of the key, that no widening covers: it needs a new baseline.
type IncompatibleError struct{ Column, From, To string }

// Error says what changed.
func (e *IncompatibleError) Error() string {
	return fmt.Sprintf("%s changed from %s to %s", e.Column, e.From, e.To)
}

// Hint says what follows.
func (e *IncompatibleError) Hint() string {
	return "earlier rows cannot be read as rows of the new schema: the next capture must be a baseline"
}

// ExitCode is that of a refusal by a guard.
func (e *IncompatibleError) ExitCode() int { return 6 }

// NewProjection gives *IncompatibleError where a column's type or the key changed in a way that no widening covers.
func NewProjection(from, to *Schema) (*Projection, error) {
	fromCodec, err := NewCodec(from)
	if err != nil {
		return nil, err
	}
	toCodec, err := NewCodec(to)
	if err != nil {
		return nil, err
	}
	if !sameKey(from, to) {
		return nil, &IncompatibleError{"the key", fmt.Sprint(from.KeyNames()), fmt.Sprint(to.KeyNames())}
	}
	p := &Projection{fromCodec: fromCodec, images: true, sameKeys: true}
	if err := p.pair(fromCodec.fields, toCodec.fields); err != nil {
		return nil, err
	}
	if err := p.checkWholeKeys(from, to); err != nil {
		return nil, err
	}
	for _, id := range to.Key {
		i := slices.IndexFunc(p.columns, func(c projected) bool { return c.from.column.ID == id })
		p.keys = append(p.keys, p.columns[i])
		p.sameKeys = p.sameKeys && p.columns[i].conversion == keep
	}
	for _, c := range p.columns {
		p.images = p.images && c.conversion == keep
	}
	return p, nil
}

// pair walks both schemas' columns, which are in id order.
func (p *Projection) pair(from, to []field) error {
	for len(from) > 0 || len(to) > 0 {
		switch {
		case len(to) == 0 || len(from) > 0 && from[0].column.ID < to[0].column.ID:
			p.columns = append(p.columns, projected{cut, from[0], field{}})
			from = from[1:]
		case len(from) == 0 || to[0].column.ID < from[0].column.ID:
			p.columns = append(p.columns, projected{null, field{}, to[0]})
			to = to[1:]
		default:
			c := conversionOf(from[0].column, to[0].column)
			if c == 0 {
				return &IncompatibleError{fmt.Sprintf("column %q", to[0].column.Name), describe(from[0].column), describe(to[0].column)}
			}
			p.columns = append(p.columns, projected{c, from[0], to[0]})
			from, to = from[1:], to[1:]
		}
	}
	return nil
}

func describe(c Column) string {
	if c.AsBytes {
		return c.Type.String() + " carried as bytes"
	}
	return c.Type.String()
}

// conversionOf is how a column's values are rewritten, or 0.
func conversionOf(from, to Column) conversion {
	a, b := from.Type, to.Type
	switch {
	case from.AsBytes && !to.AsBytes:
		return 0 // what was carried as bytes may not be UTF-8
	case a == b,
		a.isInteger() && b.isInteger() && a.Kind <= b.Kind,
		a.Kind == VarChar && b.Kind == String,
		a.Kind == b.Kind && a.isText() && a.Length <= b.Length:
		return keep
	case a.Kind == Float && b.Kind == Double:
		return widen
	case a.Kind == Decimal && b.Kind == Decimal && a.Scale <= b.Scale && a.Precision-a.Scale <= b.Precision-b.Scale:
		if a.Scale == b.Scale {
			return keep
		}
		return rescale
	}
	return 0
}

// Identity says that images and keys stay as they are.
func (p *Projection) Identity() bool { return p.images && p.sameKeys }

// SameKeys says that keys stay as they are.
func (p *Projection) SameKeys() bool { return p.sameKeys }

// AppendImage appends the image that the row has under the new schema. It looks at lengths as ImageLen does, and at the values that
// it converts.
func (p *Projection) AppendImage(dst, image []byte) ([]byte, error) {
	rest := image
	for i := range p.columns {
		c := &p.columns[i]
		if c.conversion == null {
			dst = append(dst, branchNull)
			continue
		}
		n := c.from.skip(rest)
		if n < 0 {
			return dst, &ImageError{c.from.column.Name, "it is cut short or damaged"}
		}
		value := rest[:n]
		rest = rest[n:]
		var err error
		if dst, err = c.append(dst, value); err != nil {
			return dst, err
		}
	}
	if len(rest) > 0 {
		return dst, &ImageError{Reason: fmt.Sprintf("%d bytes behind the last column", len(rest))}
	}
	return dst, nil
}

// append appends one column's union, converted.
func (c *projected) append(dst, value []byte) ([]byte, error) {
	switch {
	case c.conversion == cut:
		return dst, nil
	case c.conversion == keep || value[0] == branchNull:
		return append(dst, value...), nil
	case c.conversion == widen:
		f := float64(math.Float32frombits(binary.LittleEndian.Uint32(value[1:])))
		return binary.LittleEndian.AppendUint64(append(dst, branchValue), float64Bits(f)), nil
	}
	var v Value
	if _, reason := c.from.decode(value, &v); reason != "" {
		return dst, &ImageError{c.from.column.Name, reason}
	}
	v.Decimal = c.rescaled(v.Decimal)
	return c.to.appendValue(append(dst, branchValue), &v)
}

// rescaled brings an unscaled value, which has room for them, to the new scale's digits.
func (c *projected) rescaled(d Int128) Int128 {
	d, _ = d.rescale(c.to.column.Type.Scale - c.from.column.Type.Scale)
	return d
}

// AppendKey appends the key that the row has under the new schema; its order among other keys stays.
func (p *Projection) AppendKey(dst, key []byte) ([]byte, error) {
	if p.sameKeys {
		return append(dst, key...), nil
	}
	values, err := p.fromCodec.DecodeKey(key)
	if err != nil {
		return dst, err
	}
	for i := range p.keys {
		c, v := &p.keys[i], &values[i]
		if v.Null {
			dst = append(dst, keyNull)
			continue
		}
		if c.conversion == rescale {
			v.Decimal = c.rescaled(v.Decimal)
		}
		dst = c.to.appendKeyValue(append(dst, keyValue), v)
	}
	return dst, nil
}
