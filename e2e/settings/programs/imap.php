<?php
// Look with PHP's imap extension, which is the University of Washington's c-client, as Alpine uses it.
$e = getenv();
$flags = ['clear' => '/notls', 'starttls' => '/tls', 'tls' => '/ssl'][$e['MODE']];
if ($e['TRUST'] === 'any') $flags .= '/novalidate-cert';
$protocol = $e['PROTOCOL'];
imap_timeout(IMAP_OPENTIMEOUT, 5);
imap_timeout(IMAP_READTIMEOUT, 5);
$box = @imap_open('{' . "{$e['HOST']}:{$e['PORT']}/$protocol$flags" . '}INBOX', $e['ACCOUNT'], $e['PASSWORD'], $protocol === 'imap' ? OP_READONLY : 0, 0);
if ($box === false) {
	echo imap_last_error(), "\n";
	exit(1);
}
imap_close($box);
echo "ok\n";
