# Completion of edgekeep for bash. A packager puts it, as `edgekeep`, into
# share/bash-completion/completions; what may follow is asked of the program itself.
# The files that may stand behind an @, which readline would look for in their names.
_edgekeep_at() {
    local path="${1##*[=@]}" file
    local before="${1%"$path"}"
    COMPREPLY=()
    while read -r file; do
        [[ ! -d $file ]] || file+=/
        printf -v file %q "$file"
        COMPREPLY+=("$before$file")
    done < <(compgen -f -- "$path")
}
_edgekeep() {
    local kind
    {
        read -r kind
        mapfile -t COMPREPLY
    } < <(COMP_LINE="${COMP_LINE:0:COMP_POINT}" edgekeep completion -line bash 2>/dev/null)
    case $kind in
        files)
            compopt -o default
            [[ $2 != *@* ]] || _edgekeep_at "$2"
            ;;
        folders) compopt -o dirnames ;;
    esac
    # Where = ends a word, only what is behind it is put in.
    [[ $2 == -* ]] || COMPREPLY=("${COMPREPLY[@]#-*=}")
    # More is to follow these.
    [[ ${#COMPREPLY[@]} != 1 || $COMPREPLY != *[=/] ]] || compopt -o nospace
}
complete -F _edgekeep edgekeep
