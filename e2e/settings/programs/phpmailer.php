<?php
// Send with PHPMailer.
require '/usr/share/php/libphp-phpmailer/autoload.php';
$e = getenv();
$m = new PHPMailer\PHPMailer\PHPMailer(true);
$m->isSMTP();
[$m->Host, $m->Port, $m->Helo, $m->Timeout] = [$e['HOST'], (int) $e['PORT'], 'client.example.test', 5];
$m->SMTPSecure = ['clear' => '', 'starttls' => 'tls', 'tls' => 'ssl'][$e['MODE']];
$m->SMTPAutoTLS = false;
$m->SMTPAuth = $e['LOGIN'] !== 'none';
if ($m->SMTPAuth) [$m->Username, $m->Password, $m->AuthType] = [$e['ACCOUNT'], $e['PASSWORD'], $e['LOGIN']];
if ($e['TRUST'] === 'any') $m->SMTPOptions = ['ssl' => ['verify_peer' => false, 'verify_peer_name' => false, 'allow_self_signed' => true]];
if ($e['TRUST'] === 'ca') $m->SMTPOptions = ['ssl' => ['cafile' => $e['CA']]];
$m->setFrom($e['SENDER']);
$m->addAddress('bob@example.test');
[$m->Subject, $m->Body] = ['hello', 'hello'];
try {
	$m->send();
	echo "ok\n";
} catch (Exception $x) {
	echo $x->getMessage(), "\n";
	exit(1);
}
