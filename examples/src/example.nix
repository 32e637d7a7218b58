# The example's closure: three store paths made by real Nix, from a C file and some text.
# Plain `derivation`s, since no nixpkgs is at hand; scripts/build-example.js builds them.
let
  build =
    name: script: attributes:
    derivation (
      attributes
      // {
        inherit name;
        system = "x86_64-linux";
        builder = "/bin/sh";
        PATH = "/usr/bin:/bin";
        args = [ "-euc" script ];
      }
    );

  licence = build "hello-nixpush-licence-1.0" ''
    mkdir -p $out/share/licenses/hello-nixpush
    cp $text $out/share/licenses/hello-nixpush/LICENSE
  '' { text = ../../LICENSE; };

  greetings = build "greetings-1.0" ''
    mkdir -p $out/share/greetings
    cp $texts/*.txt $out/share/greetings/
    ln -s en.txt $out/share/greetings/default.txt
    ln -s $licence/share/licenses/hello-nixpush/LICENSE $out/share/greetings/LICENSE
  '' { texts = ./greetings; inherit licence; };

  hello = build "hello-nixpush-1.0" ''
    mkdir -p $out/bin $out/share
    gcc -Os -Wall -Werror -static -nostdlib -ffreestanding -fno-ident -fno-stack-protector \
      -fno-asynchronous-unwind-tables -fno-pie -no-pie -fcf-protection=none \
      -DGREETINGS="\"$greetings/share/greetings\"" \
      -Wl,--build-id=none -Wl,-z,noseparate-code -Wl,-z,norelro -s -o $out/bin/hello-nixpush $source
    ln -s $licence/share/licenses $out/share/licenses
  '' { source = ./hello.c; inherit greetings licence; };
in
{
  inherit hello;

  # What Nix itself writes about the closure: the file that `nixpush --closure` reads.
  closure = derivation {
    name = "closure";
    system = "x86_64-linux";
    __structuredAttrs = true;
    exportReferencesGraph.closure = hello;
    builder = "/bin/bash";
    args = [ "-c" "source .attrs.sh; /bin/cp .attrs.json \"\${outputs[out]}\"" ];
  };
}
