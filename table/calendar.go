package table

import "encoding/binary"

// DATE is a day of the proleptic Gregorian calendar; TIMESTAMP is a string of one fixed form, which neither int64 nanoseconds
// (1677 to 2262) nor the engine's Avro tables (no timestamps) could replace.

const (
	minDay = -719162 // 0001-01-01
	maxDay = 2932896 // 9999-12-31

	timestampLen = len("yyyy-MM-dd HH:mm:ss.SSSSSSSSS")
	dateLen      = len("yyyy-MM-dd")

	minTimestampYear = 1400
	daysOf400Years   = 146097
)

// civil is the date of a day number counted from 1970-01-01 (Howard Hinnant's algorithm: years begin in March).
func civil(day int64) (year, month, dayOfMonth int) {
	z := int(day) + 719468
	era := z / daysOf400Years
	if z < 0 {
		era = (z - daysOf400Years + 1) / daysOf400Years
	}
	dayOfEra := z - era*daysOf400Years
	yearOfEra := (dayOfEra - dayOfEra/1460 + dayOfEra/36524 - dayOfEra/146096) / 365
	dayOfYear := dayOfEra - (365*yearOfEra + yearOfEra/4 - yearOfEra/100)
	shifted := (5*dayOfYear + 2) / 153
	month = shifted + 3
	if month > 12 {
		month -= 12
	}
	year = yearOfEra + era*400
	if month <= 2 {
		year++
	}
	return year, month, dayOfYear - (153*shifted+2)/5 + 1
}

// dayOf is civil's inverse.
func dayOf(year, month, day int) int64 {
	if month <= 2 {
		year--
		month += 12
	}
	era := year / 400
	yearOfEra := year - era*400
	dayOfYear := (153*(month-3)+2)/5 + day - 1
	return int64(era*daysOf400Years + yearOfEra*365 + yearOfEra/4 - yearOfEra/100 + dayOfYear - 719468)
}

func daysIn(year, month int) int {
	switch month {
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

// appendDate appends yyyy-mm-dd for a day of the years 1 to 9999.
func appendDate(dst []byte, day int64) []byte {
	y, m, d := civil(day)
	return append(dst, byte('0'+y/1000), byte('0'+y/100%10), byte('0'+y/10%10), byte('0'+y%10), '-',
		byte('0'+m/10), byte('0'+m%10), '-', byte('0'+d/10), byte('0'+d%10))
}

// parseDate reads the first ten bytes of b, yyyy-mm-dd, as a date that exists.
func parseDate[T string | []byte](b T) (year, month, day int, ok bool) {
	if len(b) < dateLen || b[4] != '-' || b[7] != '-' {
		return 0, 0, 0, false
	}
	century, ok1 := twoDigits(b, 0)
	rest, ok2 := twoDigits(b, 2)
	month, ok3 := twoDigits(b, 5)
	day, ok4 := twoDigits(b, 8)
	year = century*100 + rest
	ok = ok1 && ok2 && ok3 && ok4 && year >= 1 && month >= 1 && month <= 12 && day >= 1
	return year, month, day, ok && day <= daysIn(year, month)
}

func twoDigits[T string | []byte](b T, i int) (int, bool) {
	tens, ones := b[i]-'0', b[i+1]-'0'
	return int(tens)*10 + int(ones), tens <= 9 && ones <= 9
}

// isTimestamp says whether b is a TIMESTAMP in the fixed form, of Impala's range. It looks at eight bytes at once.
func isTimestamp(b []byte) bool {
	if len(b) != timestampLen {
		return false
	}
	const (
		dashes = '-'<<32 | '-'<<56 // yyyy-MM-
		colon  = ' '<<16 | ':'<<40 // dd HH:mm
		point  = ':' | '.'<<24     // :ss.SSSS
	)
	ok := digitsBut(b[0:8], dashes, 0xFF<<32|0xFF<<56) && digitsBut(b[8:16], colon, 0xFF<<16|0xFF<<40) &&
		digitsBut(b[16:24], point, 0xFF|0xFF<<24) && digitsBut(b[21:29], 0, 0)
	if !ok {
		return false
	}
	two := func(i int) int { return int(b[i]-'0')*10 + int(b[i+1]-'0') }
	year, month, day := two(0)*100+two(2), two(5), two(8)
	return year >= minTimestampYear && month >= 1 && month <= 12 && day >= 1 && (day <= 28 || day <= daysIn(year, month)) &&
		two(11) <= 23 && two(14) <= 59 && two(17) <= 59
}

// digitsBut says whether eight bytes are digits, but for those that a mask covers, which are marks.
func digitsBut(b []byte, marks, mask uint64) bool {
	const high = 0xF0F0F0F0_F0F0F0F0
	w := binary.LittleEndian.Uint64(b)
	if w&mask != marks {
		return false
	}
	w = w&^mask | zeros&mask
	return w&high == zeros && (w+0x06060606_06060606)&high == zeros
}

// parseTimestamp brings a date, a time with up to nine digits behind the second, or both with a space or T between, to the fixed form.
func parseTimestamp(text string) ([]byte, bool) {
	const midnight = "0000-00-00 00:00:00.000000000"
	const toSecond = len("yyyy-MM-dd HH:mm:ss")
	if n := len(text); n != dateLen && n != toSecond && (n < toSecond+2 || n > timestampLen) {
		return nil, false
	}
	b := append([]byte(text), midnight[len(text):]...)
	if len(text) > dateLen && b[dateLen] == 'T' {
		b[dateLen] = ' '
	}
	return b, isTimestamp(b)
}
