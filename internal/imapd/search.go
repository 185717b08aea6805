package imapd

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"

	"github.com/mailrig/mailrig/internal/message"
	"github.com/mailrig/mailrig/internal/store"
	"github.com/mailrig/mailrig/internal/store/view"
)

// Search handles SEARCH and UID SEARCH with ESEARCH's return options (RFC 4731) and SAVE (RFC 5182). The engine does
// two things differently: it answers RETURN (SAVE) alone with an ESEARCH, which the wire keeps back (RFC 5182 section 2.1);
// and its SearchCriteria.And forgets SMALLER when a date or LARGER follows it.
func (s *session) Search(kind imapserver.NumKind, c *imap.SearchCriteria, o *imap.SearchOptions) (*imap.SearchData, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.view == nil {
		return nil, noMailboxSelected
	}
	s.meanwhile()
	query, err := s.compile(c)
	if err != nil {
		if o.ReturnSave {
			s.saved = nil // RFC 5182 section 2.1
		}
		return nil, err
	}
	var (
		seqs []uint32
		uids []store.UID
	)
	items, err := s.candidates(query)
	if err != nil {
		return nil, refused(err)
	}
	for _, item := range items {
		fits, err := query.matches(s.ctx(), &item)
		if errors.Is(err, store.ErrGone) {
			continue // expunged meanwhile
		}
		if err != nil {
			return nil, refused(err)
		}
		if fits {
			seqs = append(seqs, item.Seq)
			uids = append(uids, item.UID)
		}
	}
	data := &imap.SearchData{Count: uint32(len(uids))}
	if kind == imapserver.NumKindUID {
		data.All = uidSet(uids)
	} else {
		data.All = seqSet(seqs)
	}
	if n := len(uids); n > 0 {
		data.Min, data.Max = seqs[0], seqs[n-1]
		if kind == imapserver.NumKindUID {
			data.Min, data.Max = uint32(uids[0]), uint32(uids[n-1])
		}
	}
	if o.ReturnSave {
		s.save(uids, o)
		s.wire.noESearch = s.wire.saveAlone
	}
	return data, nil
}

// save stores what `$` stands for. With MIN or MAX alone, that is only those messages (RFC 5182 section 2.4).
func (s *session) save(uids []store.UID, o *imap.SearchOptions) {
	s.saved = uids
	if o.ReturnAll || o.ReturnCount || len(uids) == 0 {
		return
	}
	s.saved = nil
	if o.ReturnMin {
		s.saved = append(s.saved, uids[0])
	}
	if o.ReturnMax && (!o.ReturnMin || len(uids) > 1) {
		s.saved = append(s.saved, uids[len(uids)-1])
	}
}

// query is a compiled imap.SearchCriteria. Sets are positions, and texts are in lower case.
type query struct {
	sets []spans

	flags, notFlags []string
	recent, old     bool // \Recent isn't a stored flag

	since, before         day
	sentSince, sentBefore day
	larger, smaller       int64

	header     []imap.SearchCriteriaHeaderField
	body, text []string

	not []*query
	or  [][2]*query
}

func (s *session) compile(c *imap.SearchCriteria) (*query, error) {
	if c.ModSeq != nil {
		return nil, bad("MODSEQ needs CONDSTORE, which this server doesn't offer")
	}
	q := &query{
		since: dayOf(c.Since), before: dayOf(c.Before),
		sentSince: dayOf(c.SentSince), sentBefore: dayOf(c.SentBefore),
		larger: c.Larger, smaller: c.Smaller,
	}
	for _, set := range c.SeqNum {
		l, err := s.positions(set, false)
		if err != nil {
			return nil, err
		}
		q.sets = append(q.sets, l)
	}
	for _, set := range c.UID {
		l, err := s.positions(set, false)
		if err != nil {
			return nil, err
		}
		q.sets = append(q.sets, l)
	}
	for _, f := range c.Flag {
		if strings.EqualFold(string(f), store.Recent) {
			q.recent = true
			continue
		}
		q.flags = append(q.flags, string(f))
	}
	for _, f := range c.NotFlag {
		if strings.EqualFold(string(f), store.Recent) {
			q.old = true
			continue
		}
		q.notFlags = append(q.notFlags, string(f))
	}
	for _, h := range c.Header {
		q.header = append(q.header, imap.SearchCriteriaHeaderField{Key: h.Key, Value: fold(h.Value)})
	}
	for _, t := range c.Body {
		q.body = append(q.body, fold(t))
	}
	for _, t := range c.Text {
		q.text = append(q.text, fold(t))
	}
	for i := range c.Not {
		n, err := s.compile(&c.Not[i])
		if err != nil {
			return nil, err
		}
		q.not = append(q.not, n)
	}
	for i := range c.Or {
		a, err := s.compile(&c.Or[i][0])
		if err != nil {
			return nil, err
		}
		b, err := s.compile(&c.Or[i][1])
		if err != nil {
			return nil, err
		}
		q.or = append(q.or, [2]*query{a, b})
	}
	return q, nil
}

// candidates narrows the messages by the first message set before anything is examined.
func (s *session) candidates(q *query) ([]view.Item, error) {
	if len(q.sets) == 0 {
		return s.view.All(s.ctx())
	}
	return s.view.Items(s.ctx(), s.uidsAt(q.sets[0]))
}

// matches applies cheap criteria first. Only the last ones read the message.
func (q *query) matches(ctx context.Context, item *view.Item) (bool, error) {
	for _, l := range q.sets {
		if !l.contains(int(item.Seq) - 1) {
			return false, nil
		}
	}
	if q.recent && !item.Recent || q.old && item.Recent {
		return false, nil
	}
	for _, f := range q.flags {
		if !hasFlag(item, f) {
			return false, nil
		}
	}
	for _, f := range q.notFlags {
		if hasFlag(item, f) {
			return false, nil
		}
	}
	if q.larger > 0 && item.Message.Size() <= q.larger || q.smaller > 0 && item.Message.Size() >= q.smaller {
		return false, nil
	}
	if !within(item.Date, q.since, q.before) {
		return false, nil
	}
	if q.sentSince != (day{}) || q.sentBefore != (day{}) {
		sent, err := sentDate(ctx, item.Message)
		if err != nil || sent.IsZero() || !within(sent, q.sentSince, q.sentBefore) {
			return false, err
		}
	}
	for _, n := range q.not {
		if fits, err := n.matches(ctx, item); fits || err != nil {
			return false, err
		}
	}
	for _, or := range q.or {
		fits, err := or[0].matches(ctx, item)
		if !fits && err == nil {
			fits, err = or[1].matches(ctx, item)
		}
		if !fits || err != nil {
			return false, err
		}
	}
	return q.matchesContent(ctx, item.Message)
}

func (q *query) matchesContent(ctx context.Context, m store.Message) (bool, error) {
	if len(q.header)+len(q.body)+len(q.text) == 0 {
		return true, nil
	}
	part, raw, err := parsed(ctx, m)
	if err != nil {
		return false, err
	}
	fields := message.Header(raw[part.Start:part.BodyStart])
	for _, h := range q.header {
		if !inHeader(fields, h) {
			return false, nil
		}
	}
	for _, t := range q.body {
		if !inBody(part, raw, t) {
			return false, nil
		}
	}
	for _, t := range q.text {
		if !inFields(fields, t) && !inBody(part, raw, t) {
			return false, nil
		}
	}
	return true, nil
}

// hasFlag reports whether the item has a flag. Keywords don't depend on case (RFC 9051 section 2.3.2).
func hasFlag(item *view.Item, flag string) bool {
	for _, f := range item.Flags {
		if strings.EqualFold(f, flag) {
			return true
		}
	}
	return false
}

// day is a calendar date. Time and zone don't count (RFC 9051 section 6.4.4).
type day struct {
	year  int
	month time.Month
	day   int
}

func dayOf(t time.Time) day {
	if t.IsZero() {
		return day{}
	}
	y, m, d := t.Date()
	return day{y, m, d}
}

func (d day) less(e day) bool {
	if d.year != e.year {
		return d.year < e.year
	}
	if d.month != e.month {
		return d.month < e.month
	}
	return d.day < e.day
}

func within(t time.Time, since, before day) bool {
	d := dayOf(t)
	return (since == day{} || !d.less(since)) && (before == day{} || d.less(before))
}

func fold(s string) string { return strings.ToLower(s) }

// inHeader reports whether a header field has the value. An empty value asks only whether the field exists.
func inHeader(fields []message.Field, h imap.SearchCriteriaHeaderField) bool {
	for i := range fields {
		if strings.EqualFold(fields[i].Name, h.Key) && (hasText(fields[i].Value, h.Value) || holdsAddress(&fields[i], h.Value)) {
			return true
		}
	}
	return false
}

// holdsAddress reports whether an address field contains a lower-case text in the form in which ENVELOPE shows its
// addresses: without the comments and blanks inside them (RFC 9051 section 6.4.4).
func holdsAddress(f *message.Field, text string) bool {
	switch strings.ToLower(f.Name) {
	case "from", "to", "cc", "bcc", "sender", "reply-to":
	default:
		return false
	}
	if !strings.ContainsAny(f.Value, "(@") {
		return false
	}
	for _, a := range message.ParseAddresses(f.Value) {
		if strings.Contains(fold(message.DecodeText(a.Name)+" <"+a.Mailbox+"@"+a.Host+">"), text) {
			return true
		}
	}
	return false
}

// hasText reports whether a header value contains a lower-case text, decoded or as it stands.
func hasText(value, text string) bool {
	return strings.Contains(fold(message.DecodeText(value)), text) || strings.Contains(fold(value), text)
}

func inFields(fields []message.Field, text string) bool {
	for i := range fields {
		if hasText(fields[i].Name+": "+fields[i].Value, text) {
			return true
		}
	}
	return false
}

// inBody searches the decoded leaves and the headers of enclosed messages. It skips encoded files.
func inBody(p *message.Part, raw []byte, text string) bool {
	if len(p.Children) == 0 {
		if p.Type != "text" && p.Encoding == "base64" {
			return false
		}
		return strings.Contains(fold(p.Text(raw)), text)
	}
	for _, c := range p.Children {
		if p.IsMessage() && inFields(message.Header(raw[c.Start:c.BodyStart]), text) {
			return true
		}
		if inBody(c, raw, text) {
			return true
		}
	}
	return false
}
