import { realpathSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';

/**
 * `busybox` as a Nix expression: a directory with a static busybox in it, the only tool that the builders below use,
 * so that they work with and without a build sandbox.
 */
function busybox(): string {
  const program = (process.env['PATH'] ?? '')
    .split(delimiter)
    .map((directory) => {
      try {
        return realpathSync(join(directory, 'busybox'));
      } catch {
        return undefined;
      }
    })
    .find((found) => found !== undefined);
  if (program === undefined) throw new Error('busybox is not on PATH: needs() should have said so');
  return `builtins.path {
    name = "busybox-tools";
    path = ${dirname(program)};
    filter = path: type: baseNameOf path == "busybox";
  }`;
}

/**
 * `mk "name" "script" { attributes }` builds one store path with busybox' shell. Every attribute is a variable of the
 * script; store paths among them become references if the output names them.
 */
export function withBuilder(body: string): string {
  return `
    let
      tools = ${busybox()};
      mk = name: script: attributes: derivation ({
        inherit name;
        system = builtins.currentSystem;
        builder = "\${tools}/busybox";
        args = [ "sh" "-euc" ''
          for tool in mkdir cp ln cat seq dd basename; do alias $tool="\${tools}/busybox $tool"; done
          eval "$script"
        '' ];
        inherit script;
      } // attributes);
    in ${body}`;
}

/**
 * A program of four store paths: a shell script, the busybox that runs it, a greeting it reads, and a tree of
 * unpleasant names. `/bin/app a b` prints the greeting, its arguments and `$WHO`.
 */
export function appExpression(): string {
  return withBuilder(`
    let
      shell = mk "busybox-1.35" ''
        mkdir -p $out/bin
        cp \${tools}/busybox $out/bin/busybox
        for name in sh cat echo env; do ln -s busybox $out/bin/$name; done
      '' { };
      greeting = mk "greeting-1.0" ''
        mkdir -p $out/share
        echo "hello from the store" > $out/share/greeting
      '' { };
      nasty = mk "nasty-1.0" ''
        mkdir -p $out && cd $out
        mkdir -p empty "with space" ünïcödé a/b a-b A
        echo 1 > "with space/a file"
        echo 2 > ünïcödé/ﬁle-𝄞
        echo 3 > "$(printf 'not-utf8-\\377\\376')"
        echo 4 > a/b/c; echo 5 > a-b/c; echo 6 > A/c
        : > empty-file
        echo 7 > original; ln original hard-link
        long=$(printf 'n%.0s' $(seq 200))
        mkdir -p $long/$long; echo 8 > $long/$long/$long
        ln -s $long/$long/$long long-link
        ln -s ünïcödé/ﬁle-𝄞 other-link
        ln -s /nowhere/at/all dangling
        ln -s . loop
      '' { };
    in mk "app-1.0" ''
      mkdir -p $out/bin $out/share
      echo "#!$shell/bin/sh" > $out/bin/app
      echo "$shell/bin/cat $greeting/share/greeting" >> $out/bin/app
      echo 'echo "arguments: $*; WHO=$WHO"' >> $out/bin/app
      \${tools}/busybox chmod 755 $out/bin/app
      ln -s $nasty $out/share/nasty
    '' { inherit shell greeting nasty; }`);
}

/**
 * A closure of `count` store paths and one root, each with a few files and references to some before it, in the
 * manner of real packages: a few that many need, many that few need.
 */
export function wideExpression(count: number): string {
  return withBuilder(`
    let
      number = builtins.toString;
      mod = a: b: a - b * (a / b);
      paths = builtins.genList package ${count};
      dependencies = n: if n == 0 then [ ] else
        map (builtins.elemAt paths) [ (n / 2) (n - 1 - mod (n * 7) n) (n - 1 - mod (n * n) n) ];
      package = n: mk "package-\${number n}-1.\${number (mod n 10)}" ''
        mkdir -p $out/lib/deep/er $out/share/doc
        for d in $deps; do echo $d; done > $out/share/propagated
        for f in $(seq \${number (1 + mod n 7)}); do seq \${number (n * 37)} > $out/lib/deep/part-$f; done
        echo "package \${number n}" > $out/share/doc/README
        ln -s ../lib/deep $out/share/deep
        : > $out/lib/deep/er/empty
      '' { deps = dependencies n; };
    in mk "wide-1.0" ''
      mkdir -p $out/bin
      for p in $all; do echo $p; done > $out/all
      ln -s $out/all $out/bin/wide
    '' { all = paths; }`);
}
