package mailroom

import (
	"context"
	"errors"
	"slices"

	"github.com/mailrig/mailrig/internal/store"
)

// Account is a user's account, with the sums over its mailboxes.
type Account struct {
	Address  string `json:"address"`
	Messages int    `json:"messages"`
	Unseen   int    `json:"unseen"`
	Bytes    int64  `json:"bytes"`
}

// Folder is one of an account's mailboxes.
type Folder struct {
	Name        string `json:"name"`
	SpecialUse  string `json:"special_use"` // such as \Sent; "" for none
	Subscribed  bool   `json:"subscribed"`
	Messages    int    `json:"messages"`
	Unseen      int    `json:"unseen"`
	Bytes       int64  `json:"bytes"`
	UIDValidity uint32 `json:"uid_validity"`
	UIDNext     uint32 `json:"uid_next"`
}

// Accounts lists the accounts whose addresses come after one, by address, and limit at most. more says that there are
// further ones.
func (r *Room) Accounts(ctx context.Context, after string, limit int) (list []Account, more bool, err error) {
	addresses, err := r.store.ListAccounts(ctx)
	if err != nil {
		return nil, false, err
	}
	list = []Account{}
	i, found := slices.BinarySearch(addresses, after)
	if found {
		i++
	}
	for ; i < len(addresses); i++ {
		if len(list) == limit {
			return list, true, nil
		}
		folders, ok, err := r.Folders(ctx, addresses[i])
		if err != nil {
			return nil, false, err
		}
		if !ok {
			continue // a Reset has intervened
		}
		a := Account{Address: addresses[i]}
		for _, f := range folders {
			a.Messages, a.Unseen, a.Bytes = a.Messages+f.Messages, a.Unseen+f.Unseen, a.Bytes+f.Bytes
		}
		list = append(list, a)
	}
	return list, false, nil
}

// Folders lists an account's mailboxes by name. ok is false if there is no such account.
func (r *Room) Folders(ctx context.Context, user string) (list []Folder, ok bool, err error) {
	if ok, err := r.store.HasAccount(ctx, user); !ok || err != nil {
		return nil, false, err
	}
	infos, err := r.store.List(ctx, user)
	if err != nil {
		return nil, false, err
	}
	infos = slices.DeleteFunc(infos, func(i store.Info) bool { return !i.Exists })
	for _, info := range infos {
		box, err := r.store.Mailbox(ctx, user, info.Name)
		var status store.Status
		if err == nil {
			status, err = r.store.Status(ctx, box.ID)
		}
		if errors.Is(err, store.ErrNoMailbox) || errors.Is(err, store.ErrNotSelectable) {
			continue // it has just been deleted
		}
		if err != nil {
			return nil, false, err
		}
		list = append(list, Folder{
			Name: info.Name, SpecialUse: info.SpecialUse, Subscribed: info.Subscribed, Messages: int(status.Messages),
			Unseen: int(status.Unseen), Bytes: status.Size, UIDValidity: status.UIDValidity, UIDNext: uint32(status.UIDNext),
		})
	}
	return list, true, nil
}
