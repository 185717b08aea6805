// Package metrics counts what happens at a rig, in the form that Prometheus reads.
//
// A [Metrics] counts each session when it has ended, and each finding when it is reported: that takes a microsecond. What
// the rig can say at any time (open connections, mail, memory) is asked for by a scrape only; see [Gauges]. All names begin with
// "mailrig_", and no label has more values than a rig has doors, mechanisms, findings or kinds of faults.
package metrics

import (
	"context"
	"crypto/tls"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/mailrig/mailrig/internal/diagnose"
	"github.com/mailrig/mailrig/internal/event"
)

// Gauges are what a scrape asks for.
type Gauges struct {
	Open func() int // open connections
	// Mail returns how many messages are in mailboxes, their bytes (a message counts in each of its mailboxes), the number
	// of accounts, and how many messages have come into mailboxes.
	Mail        func(ctx context.Context) (messages int, bytes int64, accounts int, arrived uint64, err error)
	MemoryLimit int64                   // bytes that the whole may take
	MemoryUsed  map[string]func() int64 // bytes that are reserved, by part
}

// Metrics counts. Any goroutine may call its methods.
type Metrics struct {
	registry *prometheus.Registry

	connections, logins, messages, faults, findings, tls *prometheus.CounterVec
	bytes                                                *prometheus.CounterVec
	duration                                             *prometheus.HistogramVec
}

// scrapeTime is how long a scrape may take to ask the store.
const scrapeTime = 5 * time.Second

// New returns metrics with all counters at zero.
func New(version string, g Gauges) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry()}
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "mailrig_" + name, Help: help}, labels)
		m.registry.MustRegister(c)
		return c
	}
	m.connections = counter("connections_total", "Connections that have ended, by door and by who ended them.", "door", "protocol", "ended_by")
	m.tls = counter("tls_total", "Ended connections on which the client tried TLS, by version (empty if it wasn't established).", "door", "version")
	m.logins = counter("logins_total", "Logins that clients tried.", "door", "mechanism", "outcome")
	m.messages = counter("messages_total", "Messages that clients brought (in) and fetched (out).", "door", "direction")
	m.bytes = counter("bytes_total", "Bytes that clients sent (in) and received (out), after decryption.", "door", "direction")
	m.faults = counter("faults_total", "Times that a scenario's rule acted, by kind of fault.", "kind")
	m.findings = counter("findings_total", "Reports of findings, except good ones.", "id", "severity")
	m.duration = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "mailrig_session_duration_seconds", Help: "How long connections lasted.",
		Buckets: []float64{.001, .005, .025, .1, .5, 2, 10, 60, 600},
	}, []string{"protocol"})
	m.registry.MustRegister(m.duration, &gauges{g, version})
	return m
}

// Session counts a session that has ended.
func (m *Metrics) Session(r *event.Record) {
	door := strconv.Itoa(r.Door)
	m.connections.WithLabelValues(door, r.Protocol, string(r.EndedBy)).Inc()
	m.duration.WithLabelValues(r.Protocol).Observe(r.End.Sub(r.Start).Seconds())
	if r.TLS != nil {
		version := ""
		if r.TLS.Established() {
			version = tls.VersionName(r.TLS.Version)
		}
		m.tls.WithLabelValues(door, version).Inc()
	}
	for _, l := range r.Logins {
		outcome := "refused"
		if l.OK {
			outcome = "ok"
		}
		m.logins.WithLabelValues(door, mechanism(l.Mechanism), outcome).Inc()
	}
	add := func(c *prometheus.CounterVec, direction string, n float64) {
		if n > 0 {
			c.WithLabelValues(door, direction).Add(n)
		}
	}
	add(m.messages, "in", float64(r.Counts.MessagesIn))
	add(m.messages, "out", float64(r.Counts.MessagesOut))
	add(m.bytes, "in", float64(r.Counts.BytesIn))
	add(m.bytes, "out", float64(r.Counts.BytesOut))
	if len(r.Injected) == 0 {
		return
	}
	for _, e := range r.Events {
		if acted, ok := e.What.(*event.Acted); ok {
			m.faults.WithLabelValues(acted.Kind).Inc()
		}
	}
}

// mechanism returns the name of a login mechanism, or "other": a client may name anything.
func mechanism(name string) string {
	switch name {
	case "PLAIN", "LOGIN", "XOAUTH2", "OAUTHBEARER", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS", "EXTERNAL", "USER", "APOP":
		return name
	}
	return "other"
}

// Finding counts a report of a finding.
func (m *Metrics) Finding(f diagnose.Finding) {
	m.findings.WithLabelValues(f.ID, string(f.Severity)).Inc()
}

// Handler answers scrapes.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError})
}

// gauges is a collector that asks the rig.
type gauges struct {
	Gauges
	version string
}

var (
	openDesc     = prometheus.NewDesc("mailrig_connections_open", "Connections that are open.", nil, nil)
	messagesDesc = prometheus.NewDesc("mailrig_store_messages", "Messages in mailboxes.", nil, nil)
	bytesDesc    = prometheus.NewDesc("mailrig_store_bytes", "Their bytes; a message counts in each of its mailboxes.", nil, nil)
	accountsDesc = prometheus.NewDesc("mailrig_store_accounts", "Accounts.", nil, nil)
	arrivedDesc  = prometheus.NewDesc("mailrig_store_arrivals_total", "Messages that have come into mailboxes, in whatever way.", nil, nil)
	limitDesc    = prometheus.NewDesc("mailrig_memory_limit_bytes", "Memory that mailrig takes at most.", nil, nil)
	usedDesc     = prometheus.NewDesc("mailrig_memory_reserved_bytes", "Memory that is reserved, by part.", []string{"part"}, nil)
	infoDesc     = prometheus.NewDesc("mailrig_build_info", "1, with the version.", []string{"version"}, nil)
)

// Describe implements prometheus.Collector.
func (g *gauges) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{openDesc, messagesDesc, bytesDesc, accountsDesc, arrivedDesc, limitDesc, usedDesc, infoDesc} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (g *gauges) Collect(out chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	gauge(infoDesc, 1, g.version)
	gauge(openDesc, float64(g.Open()))
	gauge(limitDesc, float64(g.MemoryLimit))
	for part, used := range g.MemoryUsed {
		gauge(usedDesc, float64(used()), part)
	}
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTime)
	defer cancel()
	messages, bytes, accounts, arrived, err := g.Mail(ctx)
	if err != nil {
		out <- prometheus.NewInvalidMetric(messagesDesc, err)
		return
	}
	gauge(messagesDesc, float64(messages))
	gauge(bytesDesc, float64(bytes))
	gauge(accountsDesc, float64(accounts))
	out <- prometheus.MustNewConstMetric(arrivedDesc, prometheus.CounterValue, float64(arrived))
}
