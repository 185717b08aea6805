package tables

import "time"

// column reads a column of strings, or of other values.
func column[T any](c Conn, query string, args ...any) (list []T, err error) {
	err = c.Each(query, args, func(rows Rows) error {
		var v T
		err := rows.Scan(&v)
		list = append(list, v)
		return err
	})
	return list, err
}

// micros and dateOf keep times to the microsecond, with their zones.
func micros(t time.Time) (at int64, zone int) {
	_, zone = t.Zone()
	return t.UnixMicro(), zone
}

func dateOf(at int64, zone int) time.Time {
	if zone == 0 {
		return time.UnixMicro(at).UTC()
	}
	return time.UnixMicro(at).In(time.FixedZone("", zone))
}
