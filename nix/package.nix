{
  lib,
  buildNpmPackage,
  importNpmLock,
  nodejs,
}:
let
  manifest = lib.importJSON ../package.json;

  # The lock file names packages by version and hash, not by where they are: that is the public registry.
  lock = lib.importJSON ../package-lock.json;
  withAddress =
    path: package:
    let
      name = package.name or (lib.last (lib.splitString "node_modules/" path));
    in
    if package ? integrity then
      {
        resolved = "https://registry.npmjs.org/${name}/-/${baseNameOf name}-${package.version}.tgz";
      }
      // package
    else
      package;
in
buildNpmPackage {
  pname = manifest.name;
  inherit (manifest) version;
  src = lib.sources.cleanSource ../.;
  npmDeps = importNpmLock {
    package = manifest;
    packageLock = lock // {
      packages = lib.mapAttrs withAddress lock.packages;
    };
  };
  npmConfigHook = importNpmLock.npmConfigHook;
  inherit nodejs;
  meta = {
    inherit (manifest) description;
    license = lib.licenses.mit;
    mainProgram = "nixpush";
  };
}
