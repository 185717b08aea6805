// Package seed loads a directory of messages into a store, and writes one.
//
// The server calls Load at start-up, and after a reset, for the directory in --seed. Load uses only the interface of
// package store, so it works with every store. The layout is GreenMail's; a message is a file with any bytes in it, so
// that malformed mail can be loaded too.
package seed

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/mailrig/mailrig/internal/store"
)

const delimiter = string(store.Delimiter)

// Options say how messages are loaded. The zero value is useful.
type Options struct {
	Raw bool // keep the line ends of every file
	// Only is the address of the only account to load, as the store has it; "" loads all. It need not be in the tree.
	Only string
}

// ErrNoAccount means that a seed directory holds no account's directory.
var ErrNoAccount = errors.New("there is no account in it: give a directory with user@domain/INBOX/*.eml inside")

// Load loads messages from a tree in GreenMail's layout, user@domain/FOLDER[/SUB...]/*.eml, and returns how many it
// loaded. A user name without "@" gets the store's domain. A directory without messages makes an empty account or
// mailbox. Any bytes are a valid message. They stay as they are, with one exception: where no line at all ends in CRLF,
// each line that ends in LF gets one (RFC 5322 section 2.1), because Unix programs and Git write files so. Messages have
// no flags, and the file's time is their date. Files are loaded in the order of their names, so that UIDs are the same
// every time.
//
// Load ignores files that aren't *.eml, and names that begin with ".". It follows symbolic links. An *.eml file outside
// a mailbox is an error, because the message would be missing. So is a tree without an account, a link that leads back
// to a directory that it is in, and everything that is neither file nor directory. Errors name the file.
func Load(ctx context.Context, st store.Store, dir fs.FS, o Options) (int, error) {
	l := loader{ctx: ctx, store: st, dir: dir, raw: o.Raw, only: o.Only}
	top, err := fs.Stat(dir, ".")
	if err == nil {
		err = l.walk(".", []fs.FileInfo{top})
	}
	if err == nil && l.accounts == 0 && l.only == "" {
		err = ErrNoAccount
	}
	return l.messages, err
}

type loader struct {
	ctx   context.Context
	store store.Store
	dir   fs.FS
	raw   bool
	only  string

	accounts, messages int
}

// walk loads what is in a directory. above are the directory and those that it is in.
func (l *loader) walk(dir string, above []fs.FileInfo) error {
	list, err := fs.ReadDir(l.dir, dir)
	if err != nil {
		return fmt.Errorf("seed %s: %w", dir, err)
	}
	for _, d := range list {
		if strings.HasPrefix(d.Name(), ".") || dir == "." && l.only != "" && l.store.Address(d.Name()) != l.only {
			continue
		}
		if err := l.ctx.Err(); err != nil {
			return err
		}
		name := path.Join(dir, d.Name())
		info, err := fs.Stat(l.dir, name)
		if err != nil {
			return fmt.Errorf("seed %s: %w", name, err)
		}
		if info.IsDir() {
			if slices.ContainsFunc(above, func(a fs.FileInfo) bool { return os.SameFile(a, info) }) {
				return fmt.Errorf("seed %s: it leads back to a directory that it is in: remove the link", name)
			}
			if dir == "." {
				l.accounts++
			}
			if _, err = l.mailbox(name); err == nil {
				if err := l.walk(name, append(above[:len(above):len(above)], info)); err != nil {
					return err
				}
			}
		} else if kind := special(info.Mode()); kind != "" {
			err = fmt.Errorf("it is %s: remove it, or give it a name that begins with a dot", kind)
		} else if strings.EqualFold(path.Ext(name), ".eml") {
			if err = l.message(name, info); err == nil {
				l.messages++
			}
		}
		if err != nil {
			return fmt.Errorf("seed %s: %w", name, err)
		}
	}
	return nil
}

// special says what something is that is no file with a content: reading it could wait, or go on, for ever.
func special(mode fs.FileMode) string {
	switch {
	case mode.IsRegular():
		return ""
	case mode&fs.ModeNamedPipe != 0:
		return "a FIFO"
	case mode&fs.ModeSocket != 0:
		return "a socket"
	case mode&fs.ModeDevice != 0:
		return "a device"
	default:
		return "no regular file"
	}
}

// mailbox returns the mailbox for a directory and makes it if necessary. An account's own directory has none.
func (l *loader) mailbox(dir string) (store.MailboxID, error) {
	user, folder, ok := strings.Cut(dir, delimiter)
	account, err := l.store.OpenAccount(l.ctx, user)
	if !ok || err != nil {
		return 0, err
	}
	if err := l.store.Create(l.ctx, account, folder, ""); err != nil && !errors.Is(err, store.ErrExists) {
		return 0, err
	}
	box, err := l.store.Mailbox(l.ctx, account, folder)
	return box.ID, err
}

func (l *loader) message(name string, info fs.FileInfo) error {
	if strings.Count(name, delimiter) < 2 {
		return errors.New("no mailbox for it: move it to user@domain/FOLDER/, for example user@domain/INBOX/")
	}
	box, err := l.mailbox(path.Dir(name))
	if err != nil {
		return err
	}
	content, err := l.content(file{l.dir, name, info.Size()})
	if err != nil {
		return err
	}
	// Embedded files have no time, so the store uses its own.
	in := store.Incoming{Content: content, Received: info.ModTime()}
	_, err = l.store.Append(l.ctx, box, []store.Incoming{in})
	return err
}

// file is a store.Blob, so that a store can refuse one that is too large before reading it.
type file struct {
	dir  fs.FS
	name string
	size int64
}

func (f file) Size() int64 { return f.size }

func (f file) Open(ctx context.Context) (store.Reader, error) {
	opened, err := f.dir.Open(f.name)
	if err != nil {
		return nil, err
	}
	if r, ok := opened.(store.Reader); ok {
		return r, nil
	}
	opened.Close() // a file system that can't read at an offset
	raw, err := fs.ReadFile(f.dir, f.name)
	if err != nil {
		return nil, err
	}
	return store.Bytes(raw).Open(ctx)
}
