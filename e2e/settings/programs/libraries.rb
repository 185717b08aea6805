# Log in and send, or look, with Ruby's libraries: net/smtp, net/imap, net/pop.
require 'net/smtp'
require 'net/imap'
require 'net/pop'
e = ENV
host, port, login = e['HOST'], e['PORT'].to_i, e['LOGIN']
options = { verify_mode: e['TRUST'] == 'any' ? OpenSSL::SSL::VERIFY_NONE : OpenSSL::SSL::VERIFY_PEER }
options[:ca_file] = e['CA'] if e['TRUST'] == 'ca'
if e['TLS'] == 'old'
  options.merge!(min_version: :TLS1, max_version: :TLS1_1, ciphers: 'DEFAULT@SECLEVEL=0')
elsif e['TLS'] == 'cipher'
  options.merge!(max_version: :TLS1_2, ciphers: 'AES128-SHA')
end
begin
  case e['PROTOCOL']
  when 'smtp'
    s = Net::SMTP.new(host, port)
    s.open_timeout = s.read_timeout = 5
    context = OpenSSL::SSL::SSLContext.new
    context.set_params(options)
    case e['MODE']
    when 'tls' then s.enable_tls(context)
    when 'starttls' then s.enable_starttls(context)
    else s.disable_starttls
    end
    who = login == 'none' ? [] : [e['ACCOUNT'], e['PASSWORD'], login == 'CRAM-MD5' ? :cram_md5 : :plain]
    s.start('client.example.test', *who) { |c| c.send_message(File.read(e['MESSAGE']), e['SENDER'], 'bob@example.test') }
  when 'imap'
    m = Net::IMAP.new(host, port: port, ssl: e['MODE'] == 'tls' ? options : nil, open_timeout: 5)
    m.starttls(options) if e['MODE'] == 'starttls'
    if login == ''
      m.login(e['ACCOUNT'], e['PASSWORD'])
    else
      m.authenticate(login, e['ACCOUNT'], e['PASSWORD'])
    end
    m.select('INBOX')
    m.logout
  when 'pop3'
    p = Net::POP3.new(host, port, login == 'APOP')
    p.open_timeout = p.read_timeout = 5
    p.enable_ssl(options) if e['MODE'] == 'tls'
    p.start(e['ACCOUNT'], e['PASSWORD']) { |c| c.n_mails }
  end
  puts 'ok'
rescue StandardError, Timeout::Error => x
  puts "#{x.class} #{x.message}"
  exit 1
end
