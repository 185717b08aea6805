# Look with mbsync.
mkdir -p "$HOME/Mail/kept"
word=SSLType versions=SSLVersions
mbsync --version | grep -q '1\.[34]' || word=TLSType versions=TLSVersions
cat >"$HOME/rc" <<END
IMAPAccount rig
Host $HOST
Port $PORT
User $ACCOUNT
Pass $PASSWORD
$word $(case $MODE in clear) echo None ;; starttls) echo STARTTLS ;; tls) echo IMAPS ;; esac)
$(case $TRUST in ca) echo "CertificateFile $CA" ;; none) echo "SystemCertificates yes" ;; esac)
$(case $TLS in old) printf '%s TLSv1.1\nCipherString DEFAULT@SECLEVEL=0' $versions ;; cipher) printf '%s TLSv1.2\nCipherString AES128-SHA' $versions ;; *) echo "PipelineDepth 1" ;; esac)
AuthMechs ${LOGIN:-PLAIN LOGIN}
Timeout 5

IMAPStore far
Account rig

MaildirStore near
SubFolders Verbatim
Path $HOME/Mail/
Inbox $HOME/INBOX

Channel all
Far :far:
Near :near:
Patterns INBOX
Create Near
SyncState *
END
exec mbsync --config "$HOME/rc" --all
