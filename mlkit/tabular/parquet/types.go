package parquet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"time"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/deprecated"
	"github.com/parquet-go/parquet-go/format"

	"descent/mlkit/tabular"
)

// A decoder reads the cells of one type, which are not null.
type decoder struct {
	kind   tabular.Kind
	number func(parquet.Value) (float64, error) // of Number and Date
	text   func(parquet.Value) (string, error)  // of Category
	name   func(parquet.Value) (string, error)  // a number as a code; nil: not possible
}

var errType = errors.New("this type does not fit into a table; Options.Columns leaves it out")

// decoderOf finds the decoder of a column's type.
func decoderOf(c *parquet.Column, f *parquet.File) (*decoder, error) {
	t, e := c.Type(), elementOf(c, f)
	refuse := func(what string) (*decoder, error) {
		return nil, fmt.Errorf("%s %w", what, errType)
	}
	if l := e.LogicalType.Value; l != nil {
		switch l := l.(type) {
		case *format.StringType, *format.EnumType, *format.JsonType:
			return texts(t)
		case *format.UUIDType:
			return &decoder{kind: tabular.Category, text: uuid}, nil
		case *format.DecimalType:
			return decimals(t, int(l.Scale))
		case *format.DateType:
			return dates(t, 24*time.Hour)
		case *format.TimestampType:
			return dates(t, l.Unit.Value.Duration())
		case *format.IntType:
			return integers(t, l.IsSigned)
		case *format.Float16Type:
			return &decoder{kind: tabular.Number, number: half}, nil
		case *format.NullType:
			return &decoder{kind: tabular.Number,
				number: func(parquet.Value) (float64, error) { return 0, errMissing }}, nil
		default:
			return refuse(l.String() + ":")
		}
	}
	if k := e.ConvertedType; k.Valid {
		switch k.V {
		case deprecated.UTF8, deprecated.Enum, deprecated.Json:
			return texts(t)
		case deprecated.Decimal:
			return decimals(t, int(e.Scale.V))
		case deprecated.Date:
			return dates(t, 24*time.Hour)
		case deprecated.TimestampMillis:
			return dates(t, time.Millisecond)
		case deprecated.TimestampMicros:
			return dates(t, time.Microsecond)
		case deprecated.Uint8, deprecated.Uint16, deprecated.Uint32, deprecated.Uint64:
			return integers(t, false)
		case deprecated.Int8, deprecated.Int16, deprecated.Int32, deprecated.Int64:
			return integers(t, true)
		default:
			return refuse(fmt.Sprintf("converted type %d:", k.V))
		}
	}
	switch t.Kind() {
	case parquet.Boolean:
		return &decoder{kind: tabular.Number,
			number: func(v parquet.Value) (float64, error) {
				if v.Boolean() {
					return 1, nil
				}
				return 0, nil
			},
			name: func(v parquet.Value) (string, error) { return strconv.FormatBool(v.Boolean()), nil }}, nil
	case parquet.Int32, parquet.Int64:
		return integers(t, true)
	case parquet.Int96:
		return &decoder{kind: tabular.Date, number: int96}, nil
	case parquet.Float:
		return &decoder{kind: tabular.Number,
			number: func(v parquet.Value) (float64, error) { return float64(v.Float()), nil }}, nil
	case parquet.Double:
		return &decoder{kind: tabular.Number,
			number: func(v parquet.Value) (float64, error) { return v.Double(), nil }}, nil
	case parquet.ByteArray: // older programs write texts so
		return texts(t)
	}
	return refuse(t.String() + ":")
}

// elementOf is what the file says about a column at its top. (The library
// leaves out some of it.)
func elementOf(c *parquet.Column, f *parquet.File) (e format.SchemaElement) {
	schema := f.Metadata().Schema
	children := 0 // of groups, still to be passed by
	for _, e := range schema[1:] {
		if children == 0 && e.Name == c.Name() {
			return e
		}
		children = max(children-1, 0) + int(e.NumChildren.V)
	}
	return e
}

func texts(t parquet.Type) (*decoder, error) {
	if t.Kind() != parquet.ByteArray {
		return nil, fmt.Errorf("texts in %v: %w", t.Kind(), errType)
	}
	return &decoder{kind: tabular.Category,
		text: func(v parquet.Value) (string, error) { return string(v.ByteArray()), nil }}, nil
}

func uuid(v parquet.Value) (string, error) {
	b := v.ByteArray()
	if len(b) != 16 {
		return "", fmt.Errorf("a UUID of %d bytes", len(b))
	}
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:]), nil
}

// integers are exact, or an error.
func integers(t parquet.Type, signed bool) (*decoder, error) {
	var value func(v parquet.Value) (i int64, u uint64)
	switch {
	case t.Kind() == parquet.Int32 && signed:
		value = func(v parquet.Value) (int64, uint64) { return int64(v.Int32()), 0 }
	case t.Kind() == parquet.Int32:
		value = func(v parquet.Value) (int64, uint64) { return 0, uint64(v.Uint32()) }
	case t.Kind() == parquet.Int64 && signed:
		value = func(v parquet.Value) (int64, uint64) { return v.Int64(), 0 }
	case t.Kind() == parquet.Int64:
		value = func(v parquet.Value) (int64, uint64) { return 0, v.Uint64() }
	default:
		return nil, fmt.Errorf("integers in %v: %w", t.Kind(), errType)
	}
	return &decoder{kind: tabular.Number,
		number: func(v parquet.Value) (float64, error) {
			i, u := value(v)
			if const53 := int64(1 << 53); i > const53 || i < -const53 || u > 1<<53 {
				return 0, fmt.Errorf("%d is beyond 2⁵³, where not every integer is a number here; say in Options.Kinds that the column is Category or Text, if these are codes", uint64(i)|u)
			}
			return float64(i) + float64(u), nil
		},
		name: func(v parquet.Value) (string, error) {
			if i, u := value(v); u == 0 {
				return strconv.FormatInt(i, 10), nil
			} else {
				return strconv.FormatUint(u, 10), nil
			}
		}}, nil
}

// decimals are integers times a power of ten, rounded to the nearest number.
func decimals(t parquet.Type, scale int) (*decoder, error) {
	var unscaled func(v parquet.Value) *big.Int
	switch t.Kind() {
	case parquet.Int32:
		unscaled = func(v parquet.Value) *big.Int { return big.NewInt(int64(v.Int32())) }
	case parquet.Int64:
		unscaled = func(v parquet.Value) *big.Int { return big.NewInt(v.Int64()) }
	case parquet.ByteArray, parquet.FixedLenByteArray:
		unscaled = func(v parquet.Value) *big.Int { // two's complement, the highest byte first
			b := v.ByteArray()
			x := new(big.Int).SetBytes(b)
			if len(b) > 0 && b[0] >= 0x80 {
				x.Sub(x, new(big.Int).Lsh(big.NewInt(1), uint(8*len(b))))
			}
			return x
		}
	default:
		return nil, fmt.Errorf("decimals in %v: %w", t.Kind(), errType)
	}
	if scale < 0 || scale > 1000 {
		return nil, fmt.Errorf("decimals of scale %d: the file is damaged", scale)
	}
	unit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(scale)), nil)
	return &decoder{kind: tabular.Number, number: func(v parquet.Value) (float64, error) {
		x, _ := new(big.Rat).SetFrac(unscaled(v), unit).Float64()
		return x, nil
	}}, nil
}

// dates count units since 1970.
func dates(t parquet.Type, unit time.Duration) (*decoder, error) {
	perDay := int64(24 * time.Hour / unit)
	var count func(v parquet.Value) int64
	switch t.Kind() {
	case parquet.Int32:
		count = func(v parquet.Value) int64 { return int64(v.Int32()) }
	case parquet.Int64:
		count = parquet.Value.Int64
	default:
		return nil, fmt.Errorf("dates in %v: %w", t.Kind(), errType)
	}
	return &decoder{kind: tabular.Date, number: func(v parquet.Value) (float64, error) {
		n := count(v)
		return float64(n/perDay) + float64(n%perDay)/float64(perDay), nil
	}}, nil
}

// int96 is a time as Impala and old versions of Spark write it: nanoseconds of
// the day, and the Julian day.
func int96(v parquet.Value) (float64, error) {
	const julian1970 = 2440588
	t := v.Int96()
	return float64(int32(t[2])) - julian1970 + float64(uint64(t[1])<<32|uint64(t[0]))/86400e9, nil
}

// half is a float of 16 bits.
func half(v parquet.Value) (float64, error) {
	b := v.ByteArray()
	if len(b) != 2 {
		return 0, fmt.Errorf("a float of %d bytes for 2", len(b))
	}
	bits := binary.LittleEndian.Uint16(b)
	sign, exp, frac := float64(1), int(bits>>10&31), float64(bits&1023)
	if bits>>15 == 1 {
		sign = -1
	}
	switch exp {
	case 0:
		return sign * math.Ldexp(frac, -24), nil
	case 31:
		if frac == 0 {
			return math.Inf(int(sign)), nil
		}
		return math.NaN(), nil
	}
	return sign * math.Ldexp(1+frac/1024, exp-15), nil
}
