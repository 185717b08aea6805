package gate_test

import "slices"

// model is a server by the RFCs: 5321 (SMTP), 3030 (BDAT), 4954 (AUTH), 3207 (STARTTLS), 1870 (SIZE). It shares no code
// with mailrig. Each of its methods is one command; it returns the codes that the reply may have, and does what the
// command does.
type model struct {
	needsTLS, needsLogin bool  // what the door wants
	limit                int64 // bytes of a message

	tls, greeted, login, begun, binary, chunking bool

	from   string
	to     []string
	data   string
	broken bool // the store doesn't work
	full   bool // there is no room for messages
	bad    int  // commands that don't exist
	closed bool

	boxes map[string][]mail // by address
}

// mail is a message in a mailbox.
type mail struct{ from, data string }

func (m *model) reset() {
	m.begun, m.binary, m.chunking, m.from, m.to, m.data = false, false, false, "", nil, ""
}

func (m *model) hello(name string) []int {
	if name == "" {
		return []int{501}
	}
	m.reset()
	m.greeted = true
	return []int{250}
}

// sender is an argument of MAIL, or of RCPT, and what is wrong with it.
type address struct {
	arg     string
	address string
	box     string // where its mail lies
	wrong   int    // syntax (501, 555) or a refusal
	refused bool   // it isn't the syntax
	size    int64
	binary  bool
}

func (m *model) mail(a address) []int {
	policy := 0
	if m.needsTLS && !m.tls || m.needsLogin && !m.login {
		policy = 530
	}
	switch {
	case !m.greeted, m.begun, m.chunking:
		return []int{503}
	case policy != 0:
		return []int{policy}
	case a.wrong != 0 && !a.refused:
		return []int{a.wrong}
	case a.refused:
		return []int{a.wrong}
	case a.size > m.limit:
		return []int{552}
	}
	m.begun, m.from, m.binary = true, a.address, a.binary
	return []int{250}
}

func (m *model) rcpt(a address) []int {
	switch {
	case !m.greeted, !m.begun, m.chunking:
		return []int{503}
	case a.wrong != 0:
		return []int{a.wrong}
	}
	m.to = append(m.to, a.box)
	return []int{250}
}

func (m *model) dataCommand(arg string) []int {
	switch {
	case !m.greeted, m.chunking:
		return []int{503}
	case arg != "":
		return []int{501}
	case len(m.to) == 0, m.binary:
		return []int{503}
	}
	return []int{354}
}

// message is the message behind DATA.
func (m *model) message(data string) []int { return m.deliver(data) }

func (m *model) deliver(data string) []int {
	defer m.reset()
	switch {
	case m.full:
		return []int{452, 552} // it needn't read on to see whether the message is too large as well
	case int64(len(data)) > m.limit:
		return []int{552}
	case m.broken:
		return []int{451}
	}
	boxes := slices.Compact(slices.Sorted(slices.Values(m.to)))
	for _, box := range boxes {
		m.boxes[box] = append(m.boxes[box], mail{m.from, data})
	}
	return []int{250}
}

func (m *model) bdat(chunk string, last bool, wrong bool) []int {
	switch {
	case wrong:
		if len(m.to) > 0 {
			m.reset()
		}
		return []int{501}
	case !m.greeted, len(m.to) == 0:
		return []int{503}
	case int64(len(m.data)+len(chunk)) > m.limit:
		m.reset()
		return []int{552}
	}
	if m.full && chunk != "" && !last {
		m.reset()
		return []int{452}
	}
	m.chunking = true
	m.data += chunk
	if last {
		return m.deliver(m.data)
	}
	return []int{250}
}

// auth is one whole exchange; right says that name and password are.
func (m *model) auth(mechanism string, right bool) []int {
	switch {
	case !m.greeted, m.begun, m.login:
		return []int{503}
	case m.needsTLS && !m.tls:
		return []int{530}
	case mechanism == "":
		return []int{501}
	case mechanism != "PLAIN":
		return []int{504}
	case !right:
		return []int{535}
	}
	m.login = true
	return []int{235}
}

func (m *model) starttls(arg string) []int {
	switch {
	case m.tls:
		return []int{503}
	case arg != "":
		return []int{501}
	}
	return []int{220}
}

// secured is what the handshake does (RFC 3207 section 4.2).
func (m *model) secured() {
	m.reset()
	m.tls, m.greeted, m.login, m.bad = true, false, false, 0
}

// unknown is a command that doesn't exist. The fourth one ends the connection.
func (m *model) unknown() []int {
	m.bad++
	m.closed = m.bad > 3
	return []int{500}
}

func keys[V any](m map[string]V) (all []string) {
	for k := range m {
		all = append(all, k)
	}
	return all
}
