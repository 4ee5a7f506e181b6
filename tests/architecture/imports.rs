//! Which file imports which, read from the source as the compiler reads it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, Item, ItemMod, ItemUse, Macro, UseTree, Visibility};

/// A module of the crate: one file.
struct Module {
    /// Its path below `src`, without its ending. A file `x.rs` beside a directory `x` is `x/mod`.
    name: String,
    parent: usize,
    children: BTreeMap<String, usize>,
    /// What a `use` binds: the name in this file, and the path that it stands for.
    bound: BTreeMap<String, Vec<String>>,
    /// Paths whose `use` ends in `*`.
    globs: Vec<Vec<String>>,
    /// Every path of two or more segments, in items, expressions and macros.
    paths: BTreeSet<Vec<String>>,
    /// Items that the file defines.
    items: BTreeSet<String>,
    /// Types and traits among them that are visible outside the file.
    public_types: BTreeSet<String>,
}

/// The files of a crate and the arrows between them. Code that is compiled for tests only is left out.
pub struct Crate {
    modules: Vec<Module>,
}

impl Crate {
    /// Reads the crate whose root is `lib.rs` in this directory.
    pub fn read(source: &Path) -> Self {
        let mut all = Self { modules: Vec::new() };
        all.add(source, Path::new("lib.rs"), source, 0);
        all
    }

    /// The arrows: from a file to the file that defines an item that it uses, with the names of these items. Paths are
    /// followed through `pub use`.
    pub fn arrows(&self) -> BTreeMap<(&str, &str), BTreeSet<String>> {
        let mut arrows: BTreeMap<_, BTreeSet<String>> = BTreeMap::new();
        for (index, module) in self.modules.iter().enumerate() {
            for path in module.bound.values().chain(&module.globs).chain(&module.paths) {
                let Some((to, name)) = self.resolve(index, path, 0) else { continue };
                // An import of a module alone does not count as a use. The paths of the items that are used count.
                let Some(name) = name else { continue };
                if to != index {
                    let pair = (module.name.as_str(), self.modules[to].name.as_str());
                    arrows.entry(pair).or_default().insert(name);
                }
            }
        }
        arrows
    }

    /// The names of public types and traits, each with the files that define one.
    pub fn public_types(&self) -> BTreeMap<&str, Vec<&str>> {
        let mut types: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for module in &self.modules {
            for name in &module.public_types {
                types.entry(name).or_default().push(&module.name);
            }
        }
        types
    }

    /// The module that a path leads to, and the item in it.
    fn resolve(&self, from: usize, path: &[String], depth: usize) -> Option<(usize, Option<String>)> {
        // Deeper than any real chain of re-exports.
        if depth > 16 {
            return None;
        }
        let (first, rest) = path.split_first()?;
        let module = &self.modules[from];
        match first.as_str() {
            "crate" => self.descend(0, rest, depth),
            "self" => self.descend(from, rest, depth),
            "super" => self.descend(module.parent, rest, depth),
            name if module.bound.contains_key(name) || module.children.contains_key(name) => {
                self.descend(from, path, depth)
            }
            _ => None,
        }
    }

    /// Resolves a path that begins in the module `at`.
    fn descend(&self, at: usize, path: &[String], depth: usize) -> Option<(usize, Option<String>)> {
        let Some((first, rest)) = path.split_first() else { return Some((at, None)) };
        let module = &self.modules[at];
        if first == "super" {
            return self.descend(module.parent, rest, depth);
        }
        if let Some(child) = module.children.get(first) {
            return self.descend(*child, rest, depth);
        }
        // An item of this file may share its name with an import of another kind, for example a function and
        // an external module.
        if let Some(bound) = module.bound.get(first).filter(|_| !module.items.contains(first)) {
            let whole: Vec<_> = bound.iter().chain(rest).cloned().collect();
            return self.resolve(at, &whole, depth + 1);
        }
        if !module.items.contains(first) {
            let reached = module.globs.iter().find_map(|glob| {
                let (to, _) = self.resolve(at, glob, depth + 1)?;
                let found = self.modules[to].items.contains(first);
                found.then(|| (to, Some(first.clone())))
            });
            if reached.is_some() {
                return reached;
            }
        }
        Some((at, Some(first.clone())))
    }

    fn add(&mut self, source: &Path, file: &Path, inside: &Path, parent: usize) -> usize {
        let text = fs::read_to_string(source.join(file))
            .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let parsed = syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let mut reader = Reader::default();
        reader.visit_file(&parsed);
        let index = self.modules.len();
        self.modules.push(Module {
            name: name_of(source, file),
            parent,
            children: BTreeMap::new(),
            bound: reader.bound,
            globs: reader.globs,
            paths: reader.paths,
            items: reader.items,
            public_types: reader.public_types,
        });
        for (name, path) in reader.declared {
            let nested = inside.join(&name);
            let candidates = match path {
                Some(path) => vec![source.join(file).with_file_name(path)],
                None => vec![nested.with_extension("rs"), nested.join("mod.rs")],
            };
            let found = candidates.iter().find(|candidate| candidate.exists());
            let found = found.unwrap_or_else(|| panic!("{}: no file for `mod {name}`", file.display()));
            let child = found.strip_prefix(source).expect("below").to_owned();
            let child = self.add(source, &child, &nested, index);
            // A feature may choose between two files; the first one declared belongs to the build with all features.
            self.modules[index].children.entry(name).or_insert(child);
        }
        index
    }
}

fn name_of(source: &Path, file: &Path) -> String {
    let stem = file.with_extension("");
    let stem = if source.join(&stem).is_dir() { stem.join("mod") } else { stem };
    stem.to_string_lossy().into_owned()
}

/// What one file declares.
#[derive(Default)]
struct Reader {
    declared: Vec<(String, Option<String>)>,
    bound: BTreeMap<String, Vec<String>>,
    globs: Vec<Vec<String>>,
    paths: BTreeSet<Vec<String>>,
    items: BTreeSet<String>,
    public_types: BTreeSet<String>,
}

impl Reader {
    fn bind(&mut self, tree: &UseTree, before: &[String]) {
        let with = |ident: &syn::Ident| before.iter().cloned().chain([ident.to_string()]).collect::<Vec<_>>();
        match tree {
            UseTree::Path(path) => self.bind(&path.tree, &with(&path.ident)),
            UseTree::Name(name) if name.ident == "self" => {
                if let Some(last) = before.last() {
                    self.bound.insert(last.clone(), before.to_vec());
                }
            }
            UseTree::Name(name) => {
                self.bound.insert(name.ident.to_string(), with(&name.ident));
            }
            UseTree::Rename(rename) if rename.rename == "_" => {
                self.paths.insert(with(&rename.ident));
            }
            UseTree::Rename(rename) if rename.ident == "self" => {
                self.bound.insert(rename.rename.to_string(), before.to_vec());
            }
            UseTree::Rename(rename) => {
                self.bound.insert(rename.rename.to_string(), with(&rename.ident));
            }
            UseTree::Glob(_) => self.globs.push(before.to_vec()),
            UseTree::Group(group) => group.items.iter().for_each(|item| self.bind(item, before)),
        }
    }

    /// Paths in the unparsed arguments of a macro.
    fn read_tokens(&mut self, tokens: TokenStream) {
        let mut path: Vec<String> = Vec::new();
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Ident(ident) if colons == 2 => path.push(ident.to_string()),
                TokenTree::Ident(ident) => {
                    self.keep(std::mem::replace(&mut path, vec![ident.to_string()]));
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' => {
                    colons += 1;
                    continue;
                }
                TokenTree::Group(group) => {
                    self.keep(std::mem::take(&mut path));
                    self.read_tokens(group.stream());
                }
                _ => self.keep(std::mem::take(&mut path)),
            }
            colons = 0;
        }
        self.keep(path);
    }

    fn keep(&mut self, path: Vec<String>) {
        if path.len() > 1 {
            self.paths.insert(path);
        }
    }
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_item(&mut self, item: &'ast Item) {
        let (attributes, name) = described(item);
        if attributes.iter().any(is_for_tests) {
            return;
        }
        if is_public_type(item) {
            self.public_types.extend(name.clone());
        }
        self.items.extend(name);
        visit::visit_item(self, item);
    }

    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        assert!(item.content.is_none(), "`mod {} {{ … }}`: move the module to a file of its own", item.ident);
        let path = item.attrs.iter().find(|attribute| attribute.path().is_ident("path"));
        let path = path.and_then(|attribute| match &attribute.meta {
            syn::Meta::NameValue(pair) => match &pair.value {
                syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) => Some(text.value()),
                _ => None,
            },
            _ => None,
        });
        self.declared.push((item.ident.to_string(), path));
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        // `use ::name` names another crate.
        if item.leading_colon.is_none() {
            self.bind(&item.tree, &[]);
        }
    }

    fn visit_visibility(&mut self, _: &'ast Visibility) {
        // `pub(in crate::server)` imports nothing.
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.keep(path.segments.iter().map(|segment| segment.ident.to_string()).collect());
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, called: &'ast Macro) {
        self.read_tokens(called.tokens.clone());
        visit::visit_macro(self, called);
    }
}

fn is_for_tests(attribute: &Attribute) -> bool {
    let syn::Meta::List(list) = &attribute.meta else { return false };
    let mut words = list.tokens.clone().into_iter().map(|token| token.to_string());
    // `cfg(test)` and `cfg(all(test, …))`.
    list.path.is_ident("cfg")
        && words.next().is_some_and(|first| {
            first == "test" || first == "all" && words.next().is_some_and(|rest| rest.starts_with("(test"))
        })
}

/// Whether it defines a type or a trait that other files can name.
fn is_public_type(item: &Item) -> bool {
    let visibility = match item {
        Item::Enum(item) => &item.vis,
        Item::Struct(item) => &item.vis,
        Item::Trait(item) => &item.vis,
        Item::Type(item) => &item.vis,
        Item::Union(item) => &item.vis,
        _ => return false,
    };
    !matches!(visibility, Visibility::Inherited)
}

/// The attributes of an item, and its name if it defines one.
fn described(item: &Item) -> (&[Attribute], Option<String>) {
    match item {
        Item::Const(item) => (&item.attrs, Some(item.ident.to_string())),
        Item::Enum(item) => (&item.attrs, Some(item.ident.to_string())),
        Item::Fn(item) => (&item.attrs, Some(item.sig.ident.to_string())),
        Item::Impl(item) => (&item.attrs, None),
        Item::Mod(item) => (&item.attrs, None),
        Item::Static(item) => (&item.attrs, Some(item.ident.to_string())),
        Item::Struct(item) => (&item.attrs, Some(item.ident.to_string())),
        Item::Trait(item) => (&item.attrs, Some(item.ident.to_string())),
        Item::Type(item) => (&item.attrs, Some(item.ident.to_string())),
        Item::Union(item) => (&item.attrs, Some(item.ident.to_string())),
        Item::Use(item) => (&item.attrs, None),
        Item::Macro(item) => (&item.attrs, item.ident.as_ref().map(ToString::to_string)),
        _ => (&[], None),
    }
}
