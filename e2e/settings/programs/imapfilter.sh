# Look with imapfilter.
export LC_ALL=C
cat >"$HOME/config.lua" <<END
options.timeout = 5
options.starttls = $([ "$MODE" = starttls ] && echo true || echo false)
options.certificates = $([ "$TRUST" = any ] && echo false || echo true)
options.crammd5 = $([ "$LOGIN" = CRAM-MD5 ] && echo true || echo false)
account = IMAP { server = '$HOST', port = $PORT, username = '$ACCOUNT', password = '$PASSWORD'$([ "$MODE" = tls ] && echo ", ssl = 'auto'") }
account.INBOX:check_status()
END
set -- imapfilter -c "$HOME/config.lua"
case $TRUST in ca) set -- "$@" -t "$CA" ;; none) set -- "$@" -t /etc/ssl/certs ;; esac
mkdir -p "$HOME/.imapfilter"
exec "$@" </dev/null
