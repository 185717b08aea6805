package tables

// numbers are what was handed out last. None of them is ever handed out twice.
type numbers struct {
	validity uint32 // UIDVALIDITY; it is also the mailbox's id
	arrival  uint64
	message  int64
	body     int64
	version  int64 // of a record
}

const selectNumbers = "SELECT validity, arrival, message, body, version FROM counters"

func loadNumbers(c Conn) (numbers, error) { return getNumbers(c, selectNumbers) }

// lockNumbers loads the numbers and keeps everybody else from changing anything until the transaction ends.
func lockNumbers(c Conn) (numbers, error) { return getNumbers(c, selectNumbers+" FOR UPDATE") }

func getNumbers(c Conn, query string) (n numbers, err error) {
	_, err = c.Get(query, nil, &n.validity, &n.arrival, &n.message, &n.body, &n.version)
	return n, err
}

func (n *numbers) save(c Conn) error {
	return c.Exec("UPDATE counters SET validity = ?, arrival = ?, message = ?, body = ?, version = ?", n.validity, n.arrival, n.message, n.body, n.version)
}
