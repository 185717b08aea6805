# brew.rb FORMULA DIST SYSTEM [PREFIX] reads a formula as Homebrew does for SYSTEM, such as linux/intel, and compares the checksum
# with that of the archive in DIST. With PREFIX it also installs the archive there and runs the formula's test. It knows only what
# mailrig's formula uses; anything else is an error.
require "digest"
require "fileutils"
require "open3"

Formula_, Dist, System, Prefix = ARGV

class Dir_
  def initialize(path) = @path = path
  def to_s = @path
  def /(name) = File.join(@path, name)

  def install(*what)
    FileUtils.mkdir_p(@path)
    what.flatten.each do |w|
      (w.is_a?(Hash) ? w : { w => File.basename(w) }).each { |from, to| FileUtils.cp(from, File.join(@path, to)) }
    end
  end
end

class Formula
  class << self
    attr_reader :info, :tests

    %w[desc homepage version license url sha256].each do |name|
      define_method(name) { |value = nil| value ? ((@info ||= {})[name] = value) : @info[name] }
    end

    def head = nil # what is built from the sources isn't tried
    def on_macos = (yield if System.start_with?("macos/"))
    def on_linux = (yield if System.start_with?("linux/"))
    def on_arm = (yield if System.end_with?("/arm"))
    def on_intel = (yield if System.end_with?("/intel"))
    def test(&block) = @tests = block
  end

  Build = Struct.new(:head?, :stable?)
  def build = Build.new(false, true)
  def version = self.class.version
  def bin = Dir_.new("#{Prefix}/bin")
  def man1 = Dir_.new("#{Prefix}/share/man/man1")
  def bash_completion = Dir_.new("#{Prefix}/etc/bash_completion.d")
  def zsh_completion = Dir_.new("#{Prefix}/share/zsh/site-functions")
  def fish_completion = Dir_.new("#{Prefix}/share/fish/vendor_completions.d")

  def shell_output(command)
    out, status = Open3.capture2(command)
    status.success? ? out : abort("#{command}: #{status}\n#{out}")
  end

  def assert_match(want, text) = text.include?(want) || abort("#{want.inspect} isn't in\n#{text}")
end

load Formula_
info = Mailrig.info
missing = %w[desc homepage version license url sha256] - info.keys
abort "the formula lacks #{missing}" unless missing.empty?
abort "brew audit: the description is too long, begins with an article or ends with a full stop" if info["desc"].length > 80 || info["desc"] =~ /\A(An?|The) |\.\z/
archive = File.join(Dist, File.basename(info["url"]))
abort "the url #{info['url']} isn't the version's" unless info["url"].include?("/v#{info['version']}/")
abort "the checksum of #{archive} is another" unless Digest::SHA256.file(archive).hexdigest == info["sha256"]
puts "#{System}: #{File.basename(archive)}"
exit unless Prefix

sources = File.join(Prefix, "sources")
FileUtils.mkdir_p(sources)
system("tar", "-xzf", File.expand_path(archive), "-C", sources, "--strip-components", "1") || abort("tar")
Dir.chdir(sources) { Mailrig.new.install }
Mailrig.new.instance_eval(&Mailrig.tests)
%w[bin/mailrig share/man/man1/mailrig-run.1.gz etc/bash_completion.d/mailrig share/zsh/site-functions/_mailrig
   share/fish/vendor_completions.d/mailrig.fish].each { |f| File.exist?(File.join(Prefix, f)) || abort("#{f} isn't installed") }
puts "installed, tried"
