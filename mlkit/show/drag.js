document.querySelectorAll('.'+C+':not([data-on])').forEach(function(box){
	box.dataset.on='1';
	box.dataset.lmSuppressShortcuts='true';
	hideStill(box);
	var L=S.frame[0], T=S.frame[1], R=S.frame[2], B=S.frame[3], fit=S.kind==='fit', points, rate, fraction=200;
	var frame=make('div'), ground=picture(S.ground,S.alt), words=make('div'), said=make('output'), again=make('button'), how=make('div');
	frame.style.cssText='position:relative;touch-action:manipulation';
	ground.draggable=false;
	ground.style.cssText='display:block;width:100%;height:auto;margin:0';
	var svg=shape('svg',{viewBox:'0 0 '+S.width+' '+S.height,role:'group','aria-label':fit?'points':'start of the path'},frame);
	svg.style.cssText='position:absolute;left:0;top:0;width:100%;height:100%;user-select:none;-webkit-user-select:none';
	frame.insertBefore(ground,svg);
	var inside=shape('svg',{x:L,y:T,width:R-L,height:B-T,viewBox:L+' '+T+' '+(R-L)+' '+(B-T)},svg), gaps=[], line, rim, dots=[], end;
	if(fit){
		S.points.forEach(function(){gaps.push(shape('line',{stroke:S.colours[2]},inside));});
		line=shape('line',{stroke:S.colours[1],'stroke-width':2},inside);
	}else{
		rim=shape('polyline',{fill:'none',stroke:'#fff','stroke-opacity':0.85,'stroke-width':4.5,'stroke-linejoin':'round'},inside);
		line=shape('polyline',{fill:'none',stroke:S.colours[1],'stroke-width':2,'stroke-linejoin':'round'},inside);
		if(S.steps<60)for(var s=1;s<S.steps;s++)dots.push(shape('circle',{r:2.2,fill:S.colours[1]},inside));
		end=shape('circle',{r:5,fill:S.colours[1],stroke:'#fff'},inside);
	}
	var handles=S.points.map(function(p,i){
		var g=shape('g',{tabindex:i?-1:0,role:'slider','aria-label':fit?'point '+(i+1)+' of '+S.points.length:'start'},svg);
		g.style.cssText='cursor:grab;outline:none';
		var ring=shape('circle',{r:10,fill:'none',stroke:'#222','stroke-width':2,visibility:'hidden'},g);
		shape('circle',{class:'mlkit-point',r:5.5,fill:fit?S.colours[0]:'#fff',stroke:fit?'#fff':S.colours[1],'stroke-width':fit?1:2},g);
		g.addEventListener('focus',function(){ring.setAttribute('visibility','visible');handles.forEach(function(h){h.setAttribute('tabindex',h===g?0:-1);});});
		g.addEventListener('blur',function(){ring.setAttribute('visibility','hidden');});
		g.addEventListener('keydown',function(e){key(e,i);});
		return g;});
	function X(v){return L+(v-S.x[0])/(S.x[1]-S.x[0])*(R-L);}
	function Y(v){return B-(v-S.y[0])/(S.y[1]-S.y[0])*(B-T);}
	function within(v,r){return Math.min(Math.max(v,r[0]),r[1]);}
	function near(v){return within(v,[-9999,9999]);}
	function polynomial(x){
		for(var v=0,slope=0,i=S.loss.length-1;i>=0;i--){slope=slope*x+v;v=v*x+S.loss[i];}
		return {v:v,slope:slope};}
	function put(i,x,y){
		x=within(x,S.x);
		points[i]=[x,fit?within(y,S.y):polynomial(x).v];
		draw();}
	function number(v){
		if(!isFinite(v))return v>0?'∞':v<0?'−∞':'not a number';
		var s=v===0||Math.abs(v)>=1e-4&&Math.abs(v)<1e6?String(+v.toPrecision(4)):v.toExponential(2);
		return s.replace(/-/g,'−');}
	function plus(v){return (v<0?' − ':' + ')+number(Math.abs(v));}
	function draw(){
		var text=fit?drawFit():drawDescent();
		handles.forEach(function(h,i){
			var p=points[i];
			h.setAttribute('transform','translate('+X(p[0])+' '+near(Y(p[1]))+')');
			h.setAttribute('aria-valuemin',fit?S.y[0]:S.x[0]);
			h.setAttribute('aria-valuemax',fit?S.y[1]:S.x[1]);
			h.setAttribute('aria-valuenow',fit?p[1]:p[0]);
			h.setAttribute('aria-valuetext',S.names[0]+' '+number(p[0])+', '+S.names[1]+' '+number(p[1]));});
		said.textContent=text;}
	function drawFit(){
		var n=points.length, mx=0, my=0, sxx=0, sxy=0, mse=0;
		points.forEach(function(p){mx+=p[0]/n;my+=p[1]/n;});
		points.forEach(function(p){sxx+=(p[0]-mx)*(p[0]-mx);sxy+=(p[0]-mx)*(p[1]-my);});
		var ok=sxx>0, a=sxy/sxx, b=my-a*mx;
		line.setAttribute('visibility',ok?'visible':'hidden');
		points.forEach(function(p,i){
			var r=a*p[0]+b-p[1];
			mse+=r*r/n;
			set(gaps[i],{visibility:ok?'visible':'hidden',x1:X(p[0]),x2:X(p[0]),y1:Y(p[1]),y2:near(Y(p[1]+(ok?r:0)))});});
		if(!ok)return 'All points have the same '+S.names[0]+': no line fits them best.';
		set(line,{x1:L,x2:R,y1:near(Y(a*S.x[0]+b)),y2:near(Y(a*S.x[1]+b))});
		return S.names[1]+' = '+number(a)+' '+S.names[0]+plus(b)+', mean squared error '+number(mse);}
	function drawDescent(){
		var x=points[0][0], path=[x], at;
		for(var i=0;i<S.steps;i++){x-=rate*polynomial(x).slope;path.push(x);}
		at=path.map(function(x){return near(X(x))+','+near(Y(polynomial(x).v));}).filter(function(p){return p.indexOf('NaN')<0;});
		rim.setAttribute('points',at.join(' '));
		line.setAttribute('points',at.join(' '));
		dots.concat(end).forEach(function(c,k){
			var p=(c===end?at[at.length-1]:at[k+1]||at[at.length-1]).split(',');
			set(c,{cx:p[0],cy:p[1]});});
		return S.names[0]+': '+path.slice(0,4).map(number).join(' → ')+(S.steps>4?' → … → ':S.steps>3?' → ':'')+(S.steps>3?number(x):'')+
			'. Loss after '+S.steps+' steps: '+number(polynomial(x).v);}
	function key(e,i){
		e.stopPropagation();
		var k=(e.shiftKey?10:1)/fraction*2, p=points[i], to=null, d={ArrowLeft:[-1,0],ArrowRight:[1,0],ArrowDown:[0,-1],ArrowUp:[0,1]}[e.key];
		if(d&&!fit)d=[d[0]||d[1],0];
		if(d)put(i,p[0]+d[0]*k*(S.x[1]-S.x[0]),p[1]+d[1]*k*(S.y[1]-S.y[0]));
		if(e.key==='PageDown')to=(i+1)%handles.length;
		if(e.key==='PageUp')to=(i+handles.length-1)%handles.length;
		if(e.key==='Home')to=0;
		if(e.key==='End')to=handles.length-1;
		if(to!==null)handles[to].focus({preventScroll:true});
		if(d||to!==null)e.preventDefault();}
	function where(e){
		var r=svg.getBoundingClientRect();
		return {x:(e.clientX-r.left)*S.width/r.width,y:(e.clientY-r.top)*S.height/r.height,px:S.width/r.width};}
	var held=null;
	function nearest(w){
		var best=24*w.px, found=-1;
		points.forEach(function(p,i){
			var d=Math.hypot(X(p[0])-w.x,Y(p[1])-w.y);
			if(d<best){best=d;found=i;}});
		return found;}
	svg.addEventListener('touchstart',function(e){if(e.touches.length===1&&nearest(where(e.touches[0]))>=0)e.preventDefault();},{passive:false});
	svg.addEventListener('pointerdown',function(e){
		var w=where(e), found=e.button>0?-1:nearest(w);
		if(found<0)return;
		held={i:found,dx:X(points[found][0])-w.x,dy:Y(points[found][1])-w.y,id:e.pointerId};
		svg.setPointerCapture(e.pointerId);
		handles[found].focus({preventScroll:true});
		e.preventDefault();
		e.stopPropagation();});
	svg.addEventListener('pointermove',function(e){
		if(!held||held.id!==e.pointerId)return;
		var w=where(e);
		put(held.i,S.x[0]+(w.x+held.dx-L)/(R-L)*(S.x[1]-S.x[0]),S.y[0]+(B-w.y-held.dy)/(B-T)*(S.y[1]-S.y[0]));
		e.stopPropagation();});
	['pointerup','pointercancel'].forEach(function(n){svg.addEventListener(n,function(e){if(held&&held.id===e.pointerId)held=null;});});
	['mousedown','mousemove','mouseup','click','dblclick'].forEach(function(n){svg.addEventListener(n,function(e){e.stopPropagation();});});
	words.style.cssText='display:flex;flex-wrap:wrap;gap:4px 12px;align-items:center;color:inherit;font:14px/1.5 sans-serif;padding:4px 10px';
	said.style.cssText='flex:1 1 16em;font-variant-numeric:tabular-nums';
	again.type='button';
	again.textContent='Start again';
	again.style.cssText='font:inherit;color:inherit;background:transparent;border:1px solid currentColor;border-radius:4px;padding:2px 10px;cursor:pointer';
	again.addEventListener('click',begin);
	again.addEventListener('keydown',function(e){e.stopPropagation();});
	how.textContent=fit?'Drag a point, or go to it with Tab and move it with the arrow keys; Page Down and Page Up go to the next.':'Drag the start, or go to it with Tab and move it with the arrow keys.';
	how.style.cssText='flex:1 1 100%;opacity:.75;font-size:13px';
	var range=make('input'), row=make('label'), name=make('span');
	range.type='range';range.min=0;range.max=fraction;range.step=1;
	range.style.cssText='flex:1 1 auto;min-width:60px;accent-color:#0072B2';
	range.setAttribute('aria-label','learning rate');
	range.addEventListener('keydown',function(e){e.stopPropagation();});
	range.addEventListener('input',function(){rate=S.maxRate*range.value/fraction;label();draw();});
	name.style.cssText='flex:0 0 auto;min-width:11em;font-variant-numeric:tabular-nums';
	row.style.cssText='flex:1 1 100%;display:flex;gap:12px;align-items:center';
	row.append(name,range);
	function label(){
		name.textContent='learning rate = '+number(rate);
		range.setAttribute('aria-valuetext',number(rate));}
	function begin(){
		points=S.points.map(function(p){return p.slice();});
		rate=S.rate||0;
		if(!fit){range.value=Math.round(rate/S.maxRate*fraction);label();}
		draw();}
	if(!fit)words.append(row);
	words.append(said,again,how);
	box.replaceChildren(frame,words);
	begin();
	function set(n,values){Object.keys(values).forEach(function(k){n.setAttribute(k,values[k]);});}
	function shape(kind,values,into){
		var n=document.createElementNS('http://www.w3.org/2000/svg',kind);
		set(n,values);
		into.appendChild(n);
		return n;}
	function make(kind){return document.createElement(kind);}
});
