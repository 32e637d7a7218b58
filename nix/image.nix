{
  system,
  shell,
  nixpush,
}:
let
  # Arguments with a default are left out of the definition unless given: docs/image-definition.md says what they mean.
  image =
    {
      name,
      tag ? null,
      contents ? [ ],
      copyToRoot ? [ ],
      profile ? false,
      config ? { },
      annotations ? { },
      fromImage ? null,
      maxLayers ? null,
      layers ? null,
      files ? { },
      directories ? { },
      links ? { },
      users ? { },
      groups ? { },
      permissions ? [ ],
      includeStorePaths ? true,
      includeNixDB ? false,
      created ? null,
      mtime ? null,
      # Of the image, where it is not the one that builds.
      imageSystem ? system,
      architecture ? null,
      variant ? null,
      uid ? null,
      gid ? null,
      uname ? null,
      gname ? null,
      # What dockerTools has helpers for: packages that have bin/env, bin/sh and etc/ssl/certs/ca-bundle.crt.
      usrBinEnv ? null,
      binSh ? null,
      caCertificates ? null,
      # /etc/passwd and its like with root and nobody, where no users are declared.
      fakeNss ? false,
      # Not declarations: nixpush says what to write in their place.
      runAsRoot ? null,
      fakeRootCommands ? null,
      extraCommands ? null,
      enableFakechroot ? null,
    }@arguments:
    let
      helpers = [
        "usrBinEnv"
        "binSh"
        "caCertificates"
        "fakeNss"
        "imageSystem"
      ];
      certificates = "${caCertificates}/etc/ssl/certs/ca-bundle.crt";
      written =
        removeAttrs arguments helpers
        // {
          nixpush = 1;
          system = imageSystem;
          contents = toList contents;
          copyToRoot = toList copyToRoot;
          links =
            optional (usrBinEnv != null) { "/usr/bin/env" = "${usrBinEnv}/bin/env"; }
            // optional (binSh != null) { "/bin/sh" = "${binSh}/bin/sh"; }
            // optional (caCertificates != null) {
              "/etc/ssl/certs/ca-bundle.crt" = certificates;
              "/etc/ssl/certs/ca-certificates.crt" = certificates;
              "/etc/pki/tls/certs/ca-bundle.crt" = certificates;
            }
            // links;
        }
        // optional fakeNss { inherit users; };
      definition = toStore "${fileName}-definition.json" (builtins.toJSON (withoutNull written));
      fileName = builtins.replaceStrings [ "/" ":" "@" ] [ "-" "-" "-" ] name;
      result = withClosure "${fileName}.json" definition;
    in
    forbidScripts arguments (
      result
      // {
        imageName = builtins.replaceStrings upper lower name;
        imageTag = if tag == null then hashOf result.outPath else tag;
        # A program: `nix run -f . image.push -- --to HOST/REPO`.
        push = pushProgram "push-${fileName}" result;
      }
    );

  scripts = [
    "runAsRoot"
    "fakeRootCommands"
    "extraCommands"
    "enableFakechroot"
  ];

  forbidScripts =
    arguments: value:
    let
      given = builtins.filter (script: arguments ? ${script}) scripts;
    in
    if given == [ ] then
      value
    else
      throw ''
        nixpush.image: ${builtins.head given}: nothing is run while an image is pushed. Declare what the script does: mkdir as
        directories, groupadd, useradd and shadowSetup as users and groups, chown, chmod and setcap as permissions, ln -s as
        links, written files as files. An image that dockerTools has built with the script can be pushed as it is.'';

  # A file with a text that may name store paths.
  toStore =
    name: text:
    derivation {
      inherit name system text;
      builder = shell;
      passAsFile = [ "text" ];
      args = [
        "-euc"
        # No program but the shell is at hand. The text is one line without an end.
        ''IFS= read -r line < "$textPath" || :; printf '%s\n' "$line" > "$out"''
      ];
      preferLocalBuild = true;
      allowSubstitutes = false;
    };

  # The definition with all that Nix knows of the store paths it names: structured attributes bring that as JSON.
  withClosure =
    name: definition:
    derivation {
      inherit name system;
      builder = shell;
      __structuredAttrs = true;
      exportReferencesGraph.closure = [ definition ];
      args = [
        "-euc"
        ''
          IFS= read -r attributes < "''${NIX_ATTRS_JSON_FILE:-.attrs.json}" || :
          # Keys are sorted: the closure stands before the key that asks for it. Quotes in this text are escaped there.
          closure=''${attributes#*\"closure\":}
          closure=''${closure%,\"exportReferencesGraph\":*}
          IFS= read -r definition < ${definition}
          printf '%s,"closure":%s}\n' "''${definition%?}" "$closure" > ${builtins.placeholder "out"}
        ''
      ];
      preferLocalBuild = true;
      allowSubstitutes = false;
    };

  # Nix's own builder of environments: a shell alone cannot make a program executable.
  pushProgram =
    name: definition:
    derivation {
      inherit name;
      system = "builtin";
      builder = "builtin:buildenv";
      # Active, priority, number of outputs, output.
      derivations = builtins.concatMap (path: [
        "true"
        5
        1
        path
      ]) ([ program ] ++ (if nixpush == null then [ ] else [ nixpush ]));
      manifest = definition;
      preferLocalBuild = true;
      allowSubstitutes = false;
    }
    // {
      meta.mainProgram = "push";
    };

  program = builtins.path {
    name = "nixpush-push";
    path = ./program;
  };

  toList =
    value:
    if value == null then
      [ ]
    else if builtins.isList value then
      value
    else
      [ value ];
  optional = condition: set: if condition then set else { };
  withoutNull =
    set: removeAttrs set (builtins.filter (key: set.${key} == null) (builtins.attrNames set));
  hashOf = path: builtins.substring 11 32 (builtins.unsafeDiscardStringContext path);
  upper = letters "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
  lower = letters "abcdefghijklmnopqrstuvwxyz";
  letters = text: builtins.genList (at: builtins.substring at 1 text) (builtins.stringLength text);
in
image
