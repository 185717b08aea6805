package diagnose

// many is how many like visits of one client to one door are told as one. A health check comes every second.
const many = 5

// place is where a client comes to.
type place struct {
	host string
	door int
}

func (f *Facts) place() place { return place{f.Host, f.Door} }

// fold makes one piece of evidence of those about many sessions of one client at one door. {times} says how many there
// are.
func fold(all []Evidence) (folded []Evidence) {
	groups := map[place][]Evidence{}
	var order []place
	for _, e := range all {
		p := e.Sessions[0].place()
		if groups[p] == nil {
			order = append(order, p)
		}
		groups[p] = append(groups[p], e)
	}
	for _, p := range order {
		g := groups[p]
		if len(g) < many {
			for _, e := range g {
				e.Words["times"] = ""
				folded = append(folded, e)
			}
			continue
		}
		one := g[0]
		one.Step, one.Words["times"] = nil, ", "+itoa(len(g))+" times"
		for _, e := range g[1:] {
			one.Sessions = append(one.Sessions, e.Sessions...)
		}
		folded = append(folded, one)
	}
	return folded
}

// probes marks evidence as a guess. What one client does at one door again and again is one finding, and an info: it is a
// program that only looks, as a health check does.
func probes(all []Evidence) (list []Evidence) {
	times := map[place]int{}
	for _, e := range all {
		times[e.Sessions[0].place()]++
	}
	var often []Evidence
	for _, e := range all {
		e.Guess = true
		if times[e.Sessions[0].place()] < many {
			list = append(list, e)
			continue
		}
		if e.Severity = Info; e.Words == nil {
			e.Words = map[string]string{}
		}
		often = append(often, e)
	}
	return append(list, fold(often)...)
}

// probed counts, for each client and door, the sessions in which the client shook hands and then did nothing that it may have
// come for. Health checks do that, and so does a mail client that refuses the certificate without an alert.
func (c *Case) probed() map[place]int {
	n := map[place]int{}
	for _, f := range c.Sessions {
		if f.onTLS() && !f.wentOnInTLS() && f.TLS.ClientAlert() == 0 {
			n[f.place()]++
		}
	}
	return n
}
