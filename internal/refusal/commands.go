package refusal

import "strings"

// Work says what the refusal of a command other than a login means, and what to do about it. Both are "" if the reply says
// nothing that is sure. Where a code stands for several causes, Means names them.
type Work struct{ Means, Advice string }

// ReadWork reads such a reply: providers' words first, then the enhanced code, then the code.
func ReadWork(r Reply) Work {
	r.Text = strings.ToLower(r.Text)
	for _, s := range work {
		if s.in(r) {
			return s.Work
		}
	}
	return Work{}
}

type workSign struct {
	sign
	Work
}

const checkAddress, sendSmaller = "Check the recipient's address.", "Send less at once: a link in place of an attachment, or several messages."

// work holds signs in the order in which they are tried: words that servers have for one cause, enhanced status codes (RFC
// 3463, and IANA's registry), codes (RFC 5321 section 4.2.3), IMAP's response codes (RFC 9051 section 7.1, RFC 5530).
var work = []workSign{
	{sign{protocol: "smtp", text: "not owned by user"}, notOwn}, // Postfix: reject_sender_login_mismatch
	{sign{protocol: "smtp", text: "sendasdenied"}, notOwn},      // Exchange: 554 5.2.252 SendAsDenied
	{sign{protocol: "smtp", text: "not allowed to send as"}, notOwn},
	{sign{protocol: "smtp", enhanced: "5.7.60"}, notOwn}, // Exchange: client does not have permissions to send as this sender
	{sign{protocol: "smtp", enhanced: "5.1.1"}, Work{"There is no mailbox with this address.", checkAddress}},
	{sign{protocol: "smtp", enhanced: "5.1.2"}, Work{"The address's domain doesn't exist, or takes no mail.", checkAddress}},
	{sign{protocol: "smtp", enhanced: "5.1.3"}, Work{"The address isn't well formed.", checkAddress}},
	{sign{protocol: "smtp", enhanced: "5.1.6"}, Work{"The mailbox has moved.", checkAddress}},
	{sign{protocol: "smtp", enhanced: "5.1.7"}, Work{"The sender's address isn't well formed.", "Check the address of the account."}},
	{sign{protocol: "smtp", enhanced: "5.1.8"}, Work{"The domain of the sender's address doesn't exist.", "Check the address of the account."}},
	{sign{protocol: "smtp", enhanced: "5.1.10"}, Work{"The address's domain takes no mail.", checkAddress}}, // RFC 7505
	{sign{protocol: "smtp", enhanced: "5.2.1"}, Work{"The recipient's mailbox is switched off.", "Ask the recipient."}},
	{sign{protocol: "smtp", enhanced: "5.2.2"}, Work{"The recipient's mailbox is full.", "Try again when there is room in it."}},
	{sign{protocol: "smtp", enhanced: "5.2.3"}, Work{"The message is too large for the recipient's mailbox.", sendSmaller}},
	{sign{protocol: "smtp", enhanced: "5.3.4"}, Work{"The message is larger than the server takes.", sendSmaller}},
	{sign{protocol: "smtp", enhanced: "5.4.6"}, Work{"The server sees a loop: the message has passed through it already.", "Look at the forwarding rules."}},
	{sign{protocol: "smtp", enhanced: "5.5.3"}, Work{"The message has more recipients than the server takes.", "Send to fewer recipients at once."}},
	{sign{protocol: "smtp", enhanced: "5.6.7"}, Work{"An address has characters beyond ASCII, and the message can't be sent on with them.", "Use another address of the recipient."}}, // RFC 6531 section 3.5
	{sign{protocol: "smtp", enhanced: "5.7.26"}, Work{"The sender's domain isn't authenticated (SPF, DKIM).", "Send through the server of the sender's domain."}},
	{sign{protocol: "smtp", enhanced: "5.7.1"}, Work{"A rule of the server forbids it. The code doesn't say which: the sender isn't allowed, the recipient takes no mail from outside, or the message looks like spam.", "Read the server's words, and ask its administrator."}},
	{sign{protocol: "smtp", enhanced: "5.7.x"}, Work{"A rule of the server forbids it.", "Read the server's words, and ask its administrator."}},
	{sign{protocol: "smtp", enhanced: "5.4.x"}, Work{"The server can't find a way to the recipient.", checkAddress}},
	{sign{protocol: "smtp", enhanced: "5.6.x"}, Work{"The server doesn't take what is in the message.", ""}},
	{sign{protocol: "smtp", code: "502"}, Work{"The server doesn't have this command.", "For the client's developer: use what the server lists."}},
	{sign{protocol: "smtp", code: "503"}, Work{"The commands come in the wrong order (RFC 5321 section 4.1.4).", "For the client's developer: send EHLO first, again after STARTTLS, then MAIL, RCPT and DATA, each only when the one before was accepted."}},
	{sign{protocol: "smtp", code: "504"}, Work{"The server doesn't have this parameter of the command.", "For the client's developer: use what the server lists."}},
	{sign{protocol: "smtp", code: "551"}, Work{"The recipient isn't on this server.", checkAddress}},
	{sign{protocol: "smtp", code: "552"}, Work{"There is no room for it: the message is too large, or the mailbox full.", sendSmaller}},
	{sign{protocol: "smtp", code: "553"}, Work{"The server doesn't take the address: it isn't well formed, or not allowed.", "Check the address that the server was given."}},
	{sign{protocol: "smtp", code: "550"}, Work{"There is no such mailbox, or a rule of the server forbids it.", "Read the server's words, and check the address."}},
	{sign{protocol: "smtp", code: "554"}, Work{"The server won't take this message. The code doesn't say why.", "Read the server's words, and ask its administrator."}},

	{sign{protocol: "imap", code: "NONEXISTENT"}, noFolder},
	{sign{protocol: "imap", code: "TRYCREATE"}, noFolder},
	{sign{protocol: "imap", code: "ALREADYEXISTS"}, Work{"There is a folder of this name already.", ""}},
	{sign{protocol: "imap", code: "NOPERM"}, Work{"The account isn't allowed to do this.", "Ask whoever owns the folder, or the server's administrator."}},
	{sign{protocol: "imap", code: "OVERQUOTA"}, Work{"The account has no room left.", "Delete something, and empty the trash."}},
	{sign{protocol: "imap", code: "TOOBIG"}, Work{"The message is larger than the server takes.", sendSmaller}},
	{sign{protocol: "imap", code: "LIMIT"}, Work{"A limit of the server is reached.", "Ask for less at once."}},
	{sign{protocol: "imap", code: "CANNOT"}, Work{"The server can't do this with any folder of this kind or name.", "Choose another name."}},
	{sign{protocol: "imap", code: "BADCHARSET"}, Work{"The server doesn't know the character set.", "For the client's developer: search in UTF-8."}},
	{sign{protocol: "imap", code: "HASCHILDREN"}, Work{"The folder has folders in it.", "Delete those first."}},
	{sign{protocol: "imap", code: "CORRUPTION"}, Work{"The server's own data are damaged.", "Ask the server's administrator."}},
	{sign{protocol: "imap", code: "SERVERBUG"}, Work{"The server has met a bug of its own.", "Ask the server's administrator."}},
	{sign{protocol: "imap", code: "CONTACTADMIN"}, Work{"An administrator has to help.", "Ask the server's administrator."}},
	{sign{protocol: "pop3", code: "SYS/PERM"}, Work{"Something is wrong on the server, and won't get better by itself.", "Ask the server's administrator."}},
	{sign{protocol: "pop3", text: "no such message"}, Work{"There is no message with this number, or it is marked as deleted.", ""}},
}

var (
	notOwn   = Work{"The sender's address isn't one that this account may send from.", "Send from the account's own address, or have the other one allowed."}
	noFolder = Work{"There is no such folder.", "Check the folder's name, and make it first if it should be new."}
)
