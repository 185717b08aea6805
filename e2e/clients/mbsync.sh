# Sync INBOX into an empty Maildir with mbsync. Usage: mbsync.sh STARTTLS|IMAPS|None
home=$(mktemp -d) || exit 99
trap 'rm -rf "$home"' EXIT
mkdir "$home/Mail"
word=SSLType
mbsync --version | grep -q '1\.[34]' || word=TLSType
cat >"$home/rc" <<END
IMAPAccount rig
Host localhost
Port $MAILRIG_PORT_143
User $MAILRIG_USER
Pass $MAILRIG_PASSWORD
$word $1
CertificateFile $MAILRIG_CA_FILE
AuthMechs PLAIN LOGIN
Timeout 5

IMAPStore far
Account rig

MaildirStore near
SubFolders Verbatim
Path $home/Mail/
Inbox $home/Mail/INBOX

Channel all
Far :far:
Near :near:
Patterns INBOX
Create Near
SyncState *
END
HOME=$home mbsync --config "$home/rc" --all
