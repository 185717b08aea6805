package protocol

import "strings"

// Imitator is a Replies that can say how a scenario makes mailrig answer as another server does. Each method reads what
// that server said, line by line, without line ends.
type Imitator interface {
	// Listed is List, with the names as the server writes them.
	Listed(verb string, lines []string) (names []string, ok bool)
	// Text returns the text that Write, or Greeting, makes into these lines.
	Text(lines []string) string
	// Reworded returns the edit that gives mailrig's reply to a command the words of this line: what to find, as a
	// regular expression, and what to put there. What clients take from a reply (numbers, response codes that hold data)
	// stays mailrig's own. ok is false if the line has no words of that kind.
	Reworded(word Word, line string) (find, put string, ok bool)
	// Folders reads the answer to a command that lists folders.
	Folders(lines []string) []Folder
	// Limit returns the size of the largest message, in bytes, that a list of capabilities announces, or 0.
	Limit(names []string) int64
}

// Folder is a folder in a server's list.
type Folder struct {
	Name      string // decoded
	Delimiter string // between the parts of the name; "" for NIL
	Use       string // special use, like \Sent (RFC 6154); "" if it has none
}

// Verbatim writes a text for the put of an edit, where $1 would be a group.
func Verbatim(text string) string { return strings.ReplaceAll(text, "$", "$$") }
