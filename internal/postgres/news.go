package postgres

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// MaxNews is how many bytes a topic, a key and a text may have together. PostgreSQL takes 7,999 with what is added.
const MaxNews = 7900

// channel is PostgreSQL's channel for all news.
const channel = "mailrig"

// News is what a replica has told the others.
type News struct {
	Topic, Key, Text string
	Own              bool // this replica has told it
	// Missed says that any number of news of this topic may have been missed, because the connection was broken, or because
	// a pooler lets none through. There is no key and no text then.
	Missed bool
}

// Execer is a transaction, or a connection, that news are told in.
type Execer interface {
	Exec(ctx context.Context, query string, args ...any) (pgconn.CommandTag, error)
}

// Tell tells all replicas, also this one, when the transaction is committed. Topic and key have no spaces. Texts that are
// equal may reach the others only once. If a replica has to poll, it hears only that something was missed.
func (db *DB) Tell(ctx context.Context, tx Execer, topic, key, text string) error {
	_, err := tx.Exec(ctx, TellQuery, db.Payload(topic, key, text))
	return Failure(err)
}

// TellQuery is the statement of Tell, for those who send it together with others. Its argument is what Payload returns.
const TellQuery = "SELECT pg_notify('" + channel + "', $1)"

// Payload returns news in the form in which they are sent.
func (db *DB) Payload(topic, key, text string) string {
	if len(topic)+len(key)+len(text) > MaxNews || strings.Contains(topic+key, " ") {
		panic(fmt.Sprintf("news of %d bytes about %q of %q can't be told", len(text), key, topic)) // the caller's mistake
	}
	return strings.Join([]string{topic, db.self.ID, key, text}, " ")
}

// news fans out what was told.
type news struct {
	poll time.Duration

	mu       sync.Mutex
	handlers map[string]map[*handler]struct{} // by topic
}

type handler struct{ f func(News) }

// OnNews makes the database call f for each of a topic's news, until stop is called. After a reconnection, and each half
// second where a pooler hides news, f is called with Missed. f is called by one goroutine at a time; it must be quick, and
// must not ask the database. It may still be called while stop returns.
func (db *DB) OnNews(topic string, f func(News)) (stop func()) {
	n, h := &db.news, &handler{f}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.handlers == nil {
		n.handlers = map[string]map[*handler]struct{}{}
	}
	if n.handlers[topic] == nil {
		n.handlers[topic] = map[*handler]struct{}{}
	}
	n.handlers[topic][h] = struct{}{}
	return func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		delete(n.handlers[topic], h)
		if len(n.handlers[topic]) == 0 {
			delete(n.handlers, topic)
		}
	}
}

// hear hands out what came through the channel.
func (db *DB) hear(payload string) {
	parts := strings.SplitN(payload, " ", 4)
	if len(parts) < 4 {
		return // not ours
	}
	item := News{Topic: parts[0], Own: parts[1] == db.self.ID, Key: parts[2], Text: parts[3]}
	for _, h := range db.news.of(item.Topic) {
		h.f(item)
	}
}

// missed tells every handler that it may have missed something.
func (db *DB) missed() {
	for _, topic := range db.news.topics() {
		for _, h := range db.news.of(topic) {
			h.f(News{Topic: topic, Missed: true})
		}
	}
}

func (n *news) topics() (list []string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for topic := range n.handlers {
		list = append(list, topic)
	}
	return list
}

func (n *news) of(topic string) (list []*handler) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for h := range n.handlers[topic] {
		list = append(list, h)
	}
	return list
}

// Watch reports that there are news, until it is closed. To wait for something: watch first, then look; after each token,
// look again.
type Watch struct {
	tokens chan struct{}
	stop   func()
}

// Watch watches for news of a topic with this key; "" means any key. Also what may have been missed leaves a token.
func (db *DB) Watch(topic, key string) *Watch {
	w := &Watch{tokens: make(chan struct{}, 1)}
	w.stop = db.OnNews(topic, func(n News) {
		if key != "" && !n.Missed && n.Key != key {
			return
		}
		select {
		case w.tokens <- struct{}{}:
		default:
		}
	})
	return w
}

// Changed returns a channel of capacity one that holds a token after news. A token may be stale.
func (w *Watch) Changed() <-chan struct{} { return w.tokens }

// Close ends the watch. It may be called more than once.
func (w *Watch) Close() { w.stop() }
