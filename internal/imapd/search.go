package imapd

import (
	"errors"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"

	"github.com/mailrig/mailrig/internal/store"
	"github.com/mailrig/mailrig/internal/store/view"
)

// Search handles SEARCH and UID SEARCH with ESEARCH's return options (RFC 4731) and SAVE (RFC 5182). The engine does
// three things differently, and the framing sees to them: it answers RETURN (SAVE) alone with an ESEARCH (RFC 5182 section
// 2.1); it takes a charset after ENABLE UTF8=ACCEPT (RFC 6855 section 3); and its SearchCriteria.And forgets SMALLER when a
// date or LARGER follows it.
func (s *session) Search(kind imapserver.NumKind, c *imap.SearchCriteria, o *imap.SearchOptions) (data *imap.SearchData, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.view == nil {
		return nil, noMailboxSelected
	}
	defer func() {
		if err != nil && o.ReturnSave {
			s.saved = nil // RFC 5182 section 2.1
		}
	}()
	s.begin()
	s.meanwhile()
	query, err := (&compiler{session: s}).compile(c)
	if err != nil {
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
	m := &searched{session: s}
	for i := range items {
		item := &items[i]
		*m = searched{session: s, item: item}
		fits, err := query.matches(m)
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
	data = &imap.SearchData{Count: uint32(len(uids))}
	if kind == imapserver.NumKindUID {
		data.All = s.shownSet(uids)
	} else {
		data.All = seqSet(seqs)
	}
	if n := len(uids); n > 0 {
		data.Min, data.Max = seqs[0], seqs[n-1]
		if kind == imapserver.NumKindUID {
			data.Min, data.Max = uint32(s.shown(uids[0])), uint32(s.shown(uids[n-1]))
		}
	}
	if o.ReturnSave {
		s.save(uids, o)
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
	criteria int // how many sets and flags there are
	sets     []spans

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

// compiler compiles the criteria of one SEARCH. It looks up `$` only once: a client may name it thousands of times.
type compiler struct {
	*session
	result spans
	found  bool
}

func (s *compiler) set(set imap.NumSet) (spans, error) {
	if !imap.IsSearchRes(set) {
		return s.positions(set, false)
	}
	if !s.found {
		l, err := s.positions(set, false)
		if err != nil {
			return nil, err
		}
		s.result, s.found = l, true
	}
	return s.result, nil
}

func (s *compiler) compile(c *imap.SearchCriteria) (*query, error) {
	if c.ModSeq != nil {
		return nil, bad("MODSEQ needs CONDSTORE, which this server doesn't offer")
	}
	q := &query{
		criteria: len(c.SeqNum) + len(c.UID) + len(c.Flag) + len(c.NotFlag),

		since: dayOf(c.Since), before: dayOf(c.Before),
		sentSince: dayOf(c.SentSince), sentBefore: dayOf(c.SentBefore),
		larger: c.Larger, smaller: c.Smaller,
	}
	for _, set := range c.SeqNum {
		l, err := s.set(set)
		if err != nil {
			return nil, err
		}
		q.sets = append(q.sets, l)
	}
	for _, set := range c.UID {
		l, err := s.set(set)
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
func (q *query) matches(m *searched) (bool, error) {
	item := m.item
	if err := m.spend(stepCost * int64(1+q.criteria+(len(q.flags)+len(q.notFlags))*len(item.Flags)/4)); err != nil {
		return false, err
	}
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
		if err := m.spend(decodeCost * stepCost); err != nil {
			return false, err
		}
		sent, err := sentDate(m.ctx(), item.Message)
		if err != nil || sent.IsZero() || !within(sent, q.sentSince, q.sentBefore) {
			return false, err
		}
	}
	for _, n := range q.not {
		if fits, err := n.matches(m); fits || err != nil {
			return false, err
		}
	}
	for _, or := range q.or {
		fits, err := or[0].matches(m)
		if !fits && err == nil {
			fits, err = or[1].matches(m)
		}
		if !fits || err != nil {
			return false, err
		}
	}
	return m.content(q)
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
