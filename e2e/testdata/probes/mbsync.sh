# Sync a mailbox into an empty Maildir with mbsync. Usage: mbsync.sh [PATTERNS [TIMES]]
# PATTERNS are mbsync's, INBOX when left out; TIMES is how often, in a row. It says how
# many messages have come; its status is mbsync's last.
home=$(mktemp -d) || exit 99
trap 'rm -rf "$home"' EXIT
mkdir "$home/Mail"
word=SSLType
mbsync --version | grep -q '1\.[34]' || word=TLSType
cat >"$home/rc" <<END
IMAPAccount rig
Host localhost
Port $MAILRIG_PORT_993
User $MAILRIG_USER
Pass $MAILRIG_PASSWORD
$word IMAPS
CertificateFile $MAILRIG_CA_FILE
AuthMechs PLAIN LOGIN
Timeout ${MBSYNC_TIMEOUT:-10}

IMAPStore far
Account rig

MaildirStore near
SubFolders Verbatim
Path $home/Mail/
Inbox $home/Mail/INBOX

Channel all
Far :far:
Near :near:
Patterns ${1:-INBOX}
Create Both
Expunge Both
SyncState *
CopyArrivalDate yes
END
for i in $(seq "${2:-1}"); do
	HOME=$home mbsync --config "$home/rc" --all 2>&1
	status=$?
done
echo "$(find "$home/Mail/INBOX" -type f -path '*/INBOX/[cn]*/*' | wc -l) messages have come"
exit $status
