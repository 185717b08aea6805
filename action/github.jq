# How GitHub wants texts: https://docs.github.com/actions/reference/workflow-commands

# The message of a workflow command.
def message: gsub("%"; "%25") | gsub("\r"; "%0D") | gsub("\n"; "%0A");

# A property of a workflow command, such as its title.
def property: message | gsub(":"; "%3A") | gsub(","; "%2C");

# A cell of a table in Markdown: one line, and nothing of it is markup.
def cell: gsub("[\r\n]+"; " ") | gsub("&"; "&amp;") | gsub("<"; "&lt;") | gsub(">"; "&gt;") | gsub("(?<c>[\\\\`*_{}\\[\\]#|~@!])"; "\\\(.c)");

# The same where it stands in backticks.
def code: "`" + (gsub("[\r\n`]+"; " ") | gsub("\\|"; "\\|")) + "`";

# A workflow command.
def annotation($level; $title; $text): "::\($level) title=\($title | property)::\($text | message)";
