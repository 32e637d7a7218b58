{
  lib,
  stdenvNoCC,
  makeWrapper,
  nodejs,
  cacert,
}:
let
  manifest = lib.importJSON ../package.json;
  hashes = lib.importJSON ./node-modules.json;

  files =
    paths:
    lib.fileset.toSource {
      root = ../.;
      fileset = lib.fileset.unions paths;
    };

  # All that package-lock.json names: one of them is the compiler, a program of the system that builds. From where, npm
  # knows; what comes is held to the hash.
  nodeModules =
    assert lib.assertMsg (
      hashes.packageLock == builtins.hashFile "sha256" ../package-lock.json
    ) "package-lock.json has changed: run `node scripts/nix-hashes.js`";
    stdenvNoCC.mkDerivation {
      name = "nixpush-node-modules";
      src = files [
        ../package.json
        ../package-lock.json
      ];
      nativeBuildInputs = [
        nodejs
        cacert
      ];
      buildPhase = "HOME=$TMPDIR sh ${./node-modules.sh} ${stdenvNoCC.buildPlatform.system}";
      installPhase = "mv node_modules $out";
      # It would write store paths into programs.
      dontFixup = true;
      impureEnvVars = lib.fetchers.proxyImpureEnvVars;
      outputHashMode = "recursive";
      outputHash = hashes.nodeModules.${stdenvNoCC.buildPlatform.system};
    };
in
stdenvNoCC.mkDerivation {
  pname = manifest.name;
  inherit (manifest) version;
  src = files [
    ../package.json
    ../package-lock.json
    ../tsconfig.json
    ../tsconfig.build.json
    ../rolldown.config.js
    ../bin
    ../encoders
    ../schemas
    ../src
  ];
  nativeBuildInputs = [
    nodejs
    makeWrapper
  ];
  buildPhase = ''
    cp -R ${nodeModules} node_modules
    chmod -R u+w node_modules
    chmod +x node_modules/@typescript/*/lib/tsc
    node node_modules/typescript/bin/tsc -p tsconfig.build.json
    node node_modules/rolldown/bin/cli.mjs --config
    # What is left is what the lock file does not say to be for development alone.
    node -p '
      const { packages } = require("./package-lock.json");
      Object.keys(packages).filter((path) => packages[path].dev).join("\n");
    ' | xargs rm -rf
    find node_modules -type d -empty -delete
  '';
  installPhase = ''
    mkdir -p $out/lib/nixpush
    cp -R package.json bin dist encoders schemas node_modules $out/lib/nixpush
    makeWrapper ${nodejs}/bin/node $out/bin/nixpush --add-flags $out/lib/nixpush/bin/nixpush.js
  '';
  passthru = { inherit nodeModules; };
  meta = {
    inherit (manifest) description;
    license = lib.licenses.mit;
    mainProgram = "nixpush";
    platforms = builtins.attrNames hashes.nodeModules;
  };
}
