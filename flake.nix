{
  description = "Push Nix closures straight into an OCI registry: no Docker, no daemon, no tarball on disk";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";

  outputs =
    { self, nixpkgs }:
    let
      systems = [
        "x86_64-linux"
        "aarch64-linux"
        "x86_64-darwin"
        "aarch64-darwin"
      ];
      forAllSystems =
        make: nixpkgs.lib.genAttrs systems (system: make system nixpkgs.legacyPackages.${system});
    in
    {
      packages = forAllSystems (
        system: pkgs: {
          default = pkgs.callPackage ./nix/package.nix { };
        }
      );

      # `nix run github:… -- ./result --to HOST/REPO`
      apps = forAllSystems (
        system: _: {
          default = {
            type = "app";
            program = "${self.packages.${system}.default}/bin/nixpush";
          };
        }
      );

      # `lib.x86_64-linux.image { name = "hello"; contents = [ pkgs.hello ]; }`: docs/image-definition.md
      lib = forAllSystems (
        system: pkgs:
        import ./nix {
          inherit pkgs system;
          nixpush = self.packages.${system}.default;
        }
      );

      # The definition of an image is made, understood and planned.
      checks = forAllSystems (
        system: pkgs: {
          definition =
            let
              image = self.lib.${system}.image {
                name = "check";
                files."/etc/motd" = "hello\n";
                directories."/tmp".mode = "1777";
                config.Cmd = [ "/bin/true" ];
                imageSystem = "x86_64-linux";
              };
            in
            pkgs.runCommand "nixpush-check-definition" {
              nativeBuildInputs = [ self.packages.${system}.default ];
            } "HOME=$TMPDIR nixpush ${image} --dry-run --json > $out";
        }
      );
    };
}
