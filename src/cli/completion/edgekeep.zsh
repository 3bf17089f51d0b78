#compdef edgekeep
# Completion of edgekeep for zsh. A packager puts it, as `_edgekeep`, into share/zsh/site-functions;
# what may follow is asked of the program itself.
_edgekeep() {
    local line="${(j: :)words[1,CURRENT-1]} $PREFIX"
    local -a lines whole begun
    lines=("${(@f)$(COMP_LINE="$line" edgekeep completion -line zsh 2>/dev/null)}")
    case $lines[1] in
        files)
            compset -P '*[=@]'
            _files
            ;;
        folders)
            compset -P '*='
            _files -/
            ;;
        words)
            lines=("${(@)lines[2,-1]}")
            # More is to follow what ends in = or /.
            begun=(${(M)lines:#*[=/]:*})
            whole=(${lines:#*[=/]:*})
            _describe edgekeep whole -- begun -S ''
            ;;
    esac
}
(( $+functions[compdef] )) || { autoload -Uz compinit && compinit -i }
if [[ $funcstack[1] == _edgekeep ]]; then
    _edgekeep
else
    compdef _edgekeep edgekeep
fi
